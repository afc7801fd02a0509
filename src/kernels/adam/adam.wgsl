// One step of Adam (Kingma and Ba, 2015), in place; epsilon is added after the square root, as in PyTorch.
//
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   parameter -= schedule[0] m / (sqrt(v) schedule[1] + epsilon)
//
// Shapes    parameter, gradient, m, v [count]; schedule [2]: lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t)
// Dispatch  ITEMS elements per invocation
// Saved for backward: nothing; there is none

#include "../parts/each_several_counted.wgsl"

alias Element = f32;

#include "moments.wgsl"

struct Params {
  count: u32,
  beta1: f32,
  beta2: f32,
  one_minus_beta1: f32,
  one_minus_beta2: f32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

fn item(i: u32) {
  parameter[i] -= moved(i);
}
