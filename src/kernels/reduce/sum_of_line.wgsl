// out = scale * sum of x over the middle dimension + addend.
//
// Includer  includes each_item.wgsl and declares alias Element: f32, or vec4f for four sums side by side
// Shapes    x [outer, length, inner], out and addend [outer, inner], in Elements

#include "../parts/line.wgsl"

override ADDEND: bool = false;

struct Params {
  outer: u32,
  length: u32,
  inner: u32, // Elements
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Element>;
@group(0) @binding(2) var<storage, read> addend: array<Element>;
@group(0) @binding(3) var<storage, read_write> out: array<Element>;

fn items() -> u32 {
  return params.outer * params.inner;
}

fn item(i: u32) {
  let start = line_start(i, params.length, params.inner);
  var sum = Element();
  for (var k = 0u; k < params.length; k++) {
    sum += x[start + k * params.inner];
  }
  sum *= params.scale;
  if (ADDEND) {
    sum += addend[i];
  }
  out[i] = sum;
}
