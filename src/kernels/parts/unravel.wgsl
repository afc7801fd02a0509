// Where an element lies in a tensor of four dimensions, and where another tensor has it.
//
// Includer  declares nothing

// The position of the i-th element along the dimensions of `shape`; along the first it is not wrapped.
fn unravel(i: u32, shape: vec4u) -> vec4u {
  var rest = i;
  var index: vec4u;
  index.w = rest % shape.w;
  rest /= shape.w;
  index.z = rest % shape.z;
  rest /= shape.z;
  index.y = rest % shape.y;
  index.x = rest / shape.y;
  return index;
}

// The position of the first of the i-th four elements, of a shape whose last dimension is a multiple of 4.
fn unravel_quad(i: u32, shape: vec4u) -> vec4u {
  let quads = vec4u(shape.xyz, shape.w / 4u);
  return unravel(i, quads) * vec4u(1u, 1u, 1u, 4u);
}

// The element at `index` in a tensor of these strides, 0 where it is repeated.
fn offset_of(index: vec4u, strides: vec4u) -> u32 {
  let parts = index * strides;
  return parts.x + parts.y + parts.z + parts.w;
}
