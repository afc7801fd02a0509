// e^x, its own slope.
#include "../pointwise/pointwise.wgsl"
fn value(x: vec4f) -> vec4f { return exp(x); }
fn derivative(x: vec4f) -> vec4f { return exp(x); }
