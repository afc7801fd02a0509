// out = scale * x + offset, with x broadcast to the shape of out.
//
// Shapes    out [d0, d1, d2, d3]; x has stride 0 along the dimensions that it is repeated over
// Dispatch  one item per element of out
// Saved for backward: nothing

#include "../parts/each_item.wgsl"
#include "../parts/unravel.wgsl"
#include "expand_params.wgsl"

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn item(i: u32) {
  let at = offset_of(unravel(i, params.shape), params.strides);
  out[i] = params.scale * x[at] + params.offset;
}
