// 1 / (1 + e^-x), from e = e^-|x|, which never overflows; its slope e / (1 + e)^2 keeps its digits at both ends.
#include "../pointwise/pointwise.wgsl"
fn value(x: vec4f) -> vec4f {
  let e = exp(-abs(x));
  return select(e, vec4f(1.0), x >= vec4f(0.0)) / (1.0 + e);
}
fn derivative(x: vec4f) -> vec4f {
  let e = exp(-abs(x));
  let d = 1.0 + e;
  return e / (d * d);
}
