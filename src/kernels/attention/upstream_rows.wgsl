// What the gradient kernels read of each query: the upstream gradient's row.
//
// Includer  includes own_rows.wgsl too
// Shapes    dout [sequences, length, heads * head_dim] and dout4, the same as vectors

@group(0) @binding(4) var<storage, read> dout: array<f32>;
@group(0) @binding(5) var<storage, read> dout4: array<vec4f>;

fn dout_vector(start: u32, c: u32) -> vec4f {
  if (ALIGNED) {
    return dout4[start / 4u + c];
  }
  var x = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (4u * c + k < params.head_dim) {
      x[k] = dout[start + 4u * c + k];
    }
  }
  return x;
}
