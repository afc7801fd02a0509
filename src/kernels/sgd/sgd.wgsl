// One step of stochastic gradient descent with momentum, in place, as in PyTorch (dampening 0, no Nesterov).
//
//   d = g + decay parameter;  momentum = factor momentum + d;  parameter -= schedule[0] momentum
//
// Shapes    parameter, gradient, momentum [count]; schedule [1]: the learning rate
// Dispatch  one item per element
// Saved for backward: nothing; there is none

#include "../parts/each_counted.wgsl"

struct Params {
  count: u32,
  factor: f32,
  decay: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> momentum: array<f32>;
@group(0) @binding(4) var<storage, read> schedule: array<f32>;

fn item(i: u32) {
  let next = params.factor * momentum[i] + (gradient[i] + params.decay * parameter[i]);
  momentum[i] = next;
  parameter[i] -= schedule[0] * next;
}
