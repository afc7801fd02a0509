// The copy that permute.wgsl and permute_vec4.wgsl share: sizes and strides count Elements.
//
// Includer  declares alias Element

#include "../parts/each_counted.wgsl"
#include "../parts/unravel.wgsl"

struct Params {
  count: u32,
  outer_stride: u32,
  shape: vec4u, // d1 .. d4
  strides: vec4u,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Element>;
@group(0) @binding(2) var<storage, read_write> out: array<Element>;

fn item(i: u32) {
  var index = unravel(i, params.shape);
  let outer = index.x / params.shape.x;
  index.x %= params.shape.x;
  out[i] = x[outer * params.outer_stride + offset_of(index, params.strides)];
}
