// dx of the maximum: the upstream gradient where the maximum was taken, 0 elsewhere; and what is added to it.
//
// Shapes    dout [outer, inner], argmax [outer, inner] (i32), addend and dx [outer, channels, length, inner]
// Dispatch  one item per element of dx

#include "../parts/each_item.wgsl"
#include "max_params.wgsl"

override ADDEND: bool = false;

@group(0) @binding(1) var<storage, read> dout: array<f32>;
@group(0) @binding(2) var<storage, read> argmax: array<i32>;
@group(0) @binding(3) var<storage, read> addend: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

fn items() -> u32 {
  return params.outer * params.channels * params.length * params.inner;
}

fn item(i: u32) {
  let k = (i / params.inner) % params.length;
  let plane = i / (params.inner * params.length);
  let line = plane / params.channels * params.inner + i % params.inner;
  var value = 0.0;
  if (plane % params.channels == params.channel && u32(argmax[line]) == k) {
    value = params.scale * dout[line];
  }
  if (ADDEND) {
    value += addend[i];
  }
  dx[i] = value;
}
