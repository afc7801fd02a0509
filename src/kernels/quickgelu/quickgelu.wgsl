// x * sigmoid(1.702 x), CLIP's activation.
#include "../pointwise/pointwise.wgsl"
#include "quickgelu_slope.wgsl"

// It takes exp of a negative number only, so that nothing overflows; it is 0 at the clamp.
fn value(x: vec4f) -> vec4f {
  let decay = exp(-1.702 * min(abs(x), vec4f(120.0)));
  return x * select(decay, vec4f(1.0), x >= vec4f()) / (1.0 + decay);
}

fn derivative(x: vec4f) -> vec4f {
  return quickgelu_slope(x);
}
