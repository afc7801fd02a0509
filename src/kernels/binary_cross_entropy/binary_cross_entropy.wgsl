// Weighted binary cross entropy from logits: out = positive softplus(-x) + negative softplus(x).
//
// Shapes    x, positive, negative and out alike, `count` elements
// Dispatch  one item per element
// Saved for backward: nothing (the rule needs the inputs only)

#include "../parts/each_several_counted.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> positive: array<f32>;
@group(0) @binding(3) var<storage, read> negative: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

fn item(i: u32) {
  // softplus(x) - max(x, 0), the same for x and -x.
  let rest = log(1.0 + exp(-abs(x[i])));
  out[i] = positive[i] * (max(-x[i], 0.0) + rest) + negative[i] * (max(x[i], 0.0) + rest);
}
