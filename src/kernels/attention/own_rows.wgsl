// Rows of heads in qkv as vectors.
//
// Includer  declares params with head_dim
// Shapes    qkv [sequences, length, 3 * heads * head_dim], rows [query | key | value], as vectors, which rows of heads
//           consist of where head_dim is a multiple of 4 (ALIGNED)

override ALIGNED: bool = true;

@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;

// Elements 4c .. 4c + 3 of a head's row that begins at `start` of qkv; zero past its end.
fn own_vector(start: u32, c: u32) -> vec4f {
  if (ALIGNED) {
    return qkv[start / 4u + c];
  }
  var x = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (4u * c + k < params.head_dim) {
      let at = start + 4u * c + k;
      x[k] = qkv[at / 4u][at % 4u];
    }
  }
  return x;
}
