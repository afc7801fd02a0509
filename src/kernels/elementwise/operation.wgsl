// The operation that binary.wgsl and binary_vec4.wgsl share.
//
// Includer  declares alias Element, f32 or vec4f

const ADD = 0u;
const SUBTRACT = 1u;
const MULTIPLY = 2u;
const DIVIDE = 3u;

override OPERATION: u32 = ADD;

struct Params {
  count: u32, // items: elements of out, or vec4s of it
  shape: vec4u,
  strides_a: vec4u,
  strides_b: vec4u,
}

@group(0) @binding(0) var<uniform> params: Params;

fn combine(x: Element, y: Element) -> Element {
  switch (OPERATION) {
    case ADD: { return x + y; }
    case SUBTRACT: { return x - y; }
    case MULTIPLY: { return x * y; }
    default: { return x / y; }
  }
}

fn items() -> u32 {
  return params.count;
}
