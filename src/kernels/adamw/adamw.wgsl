// One step of AdamW (Loshchilov and Hutter, 2019), in place: Adam with the decay taken off the parameter itself.
//
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   parameter = min(parameter (1 - schedule[2] decay) - schedule[0] m / (sqrt(v) schedule[1] + epsilon), largest)
//
// Shapes    parameter, gradient, m, v [count]; schedule [3]: lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), lr
// Dispatch  ITEMS elements per invocation
// Saved for backward: nothing; there is none

alias Element = f32;

#include "adamw_step.wgsl"
