// What the gradient kernels read of each query: the upstream gradient's row.
//
// Includer  includes own_rows.wgsl too
// Shapes    dout [sequences, length, heads * head_dim], as vectors

@group(0) @binding(5) var<storage, read> dout: array<vec4f>;

fn dout_vector(start: u32, c: u32) -> vec4f {
  if (ALIGNED) {
    return dout[start / 4u + c];
  }
  var x = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (4u * c + k < params.head_dim) {
      let at = start + 4u * c + k;
      x[k] = dout[at / 4u][at % 4u];
    }
  }
  return x;
}
