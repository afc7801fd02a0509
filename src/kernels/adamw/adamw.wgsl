// One step of AdamW (Loshchilov and Hutter, 2019), in place: Adam with the decay taken off the parameter itself.
//
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   parameter = min(parameter (1 - schedule[2] decay) - schedule[0] m / (sqrt(v) schedule[1] + epsilon), largest)
//
// Shapes    parameter, gradient, m, v [count]; schedule [3]: lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), lr
// Dispatch  ITEMS elements per invocation
// Saved for backward: nothing; there is none

#include "../adam/moments.wgsl"
#include "../parts/each_several_counted.wgsl"

struct Params {
  count: u32,
  beta1: f32,
  beta2: f32,
  one_minus_beta1: f32,
  one_minus_beta2: f32,
  epsilon: f32,
  decay: f32,
  largest: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

fn item(i: u32) {
  let kept = parameter[i] - parameter[i] * (schedule[2] * params.decay);
  parameter[i] = min(kept - moved(i), params.largest);
}
