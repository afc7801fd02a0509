// max(x, 0); the slope at 0 is 0, as in PyTorch.
#include "../pointwise/pointwise.wgsl"
fn value(x: vec4f) -> vec4f { return max(x, vec4f()); }
fn derivative(x: vec4f) -> vec4f { return select(vec4f(), vec4f(1.0), x > vec4f()); }
