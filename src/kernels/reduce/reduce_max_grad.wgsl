// dx of the maximum: the upstream gradient where the maximum was taken, 0 elsewhere.
//
// Shapes    dout [outer, inner], argmax [outer, inner] (i32), dx [outer, length, inner]
// Dispatch  one item per element of dx

#include "../parts/each_item.wgsl"
#include "max_params.wgsl"

@group(0) @binding(1) var<storage, read> dout: array<f32>;
@group(0) @binding(2) var<storage, read> argmax: array<i32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

fn items() -> u32 {
  return params.outer * params.length * params.inner;
}

fn item(i: u32) {
  let k = (i / params.inner) % params.length;
  let row = i / (params.inner * params.length) * params.inner + i % params.inner;
  dx[i] = select(0.0, dout[row], u32(argmax[row]) == k);
}
