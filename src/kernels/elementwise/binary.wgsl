// out = a OP b, with NumPy's broadcasting.
//
// Shapes    out [d0, d1, d2, d3]; a and b have the same rank after the host's collapsing, with stride 0 where broadcast
// Dispatch  one item per element of out
// Saved for backward: nothing (the rule needs a and b only for products and quotients)

#include "../parts/each_item.wgsl"
#include "../parts/unravel.wgsl"
#include "operation.wgsl"

alias Element = f32;

@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn item(i: u32) {
  let index = unravel(i, params.shape);
  out[i] = combine(a[offset_of(index, params.strides_a)], b[offset_of(index, params.strides_b)]);
}
