// out = scale * x + offset, with x broadcast to the shape of out, four neighbours per invocation.
//
// Shapes    out [d0, d1, d2, d3], d3 a multiple of 4; x has stride 0 along the dimensions that it is repeated over, and
//           along d3 it is contiguous or repeated
// Dispatch  one item per vec4 of out
// Saved for backward: nothing

#include "../parts/each_item.wgsl"
#include "../parts/unravel.wgsl"
#include "expand_params.wgsl"

@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

fn item(i: u32) {
  let at = offset_of(unravel_quad(i, params.shape), params.strides);
  var value = x[at / 4u];
  if (params.strides.w == 0u) {
    value = vec4f(value[at % 4u]);
  }
  out[i] = params.scale * value + params.offset;
}
