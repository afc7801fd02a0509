// out = f(x) element by element, and its gradient dx = f'(x) dout: the shader of every pointwise operator.
//
// Includer  declares f: fn value(x: vec4f) -> vec4f, and its slope: fn derivative(x: vec4f) -> vec4f
// Shapes    x, dout and out alike, `count` elements; out is dx with GRADIENT, without it dout is not read
// Dispatch  one item per vec4; of the last, elements from `count` on are not written
// Saved for backward: nothing (the gradient needs x only)

#include "../parts/each_several.wgsl"

override GRADIENT: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> dout: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

fn items() -> u32 {
  return (params.count + 3u) / 4u;
}

fn item(i: u32) {
  var result: vec4f;
  if (GRADIENT) {
    result = dout[i] * derivative(x[i]);
  } else {
    result = value(x[i]);
  }
  if (4u * i + 4u <= params.count) {
    out[i] = result;
  } else {
    for (var j = 0u; 4u * i + j < params.count; j++) {
      out[i][j] = result[j];
    }
  }
}
