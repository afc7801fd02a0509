// tanh, to float32 precision: WGSL's own may be off by 1e-5. Near 0 the polynomial of Cephes' tanhf, where
// 1 - 2 / (e^2x + 1) would cancel; its slope as 4 e / (1 + e)^2 with e = e^(-2 |x|), exact for large |x|, too.
#include "../pointwise/pointwise.wgsl"
fn value(x: vec4f) -> vec4f {
  let z = x * x;
  let p = (((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z
    - 3.33332819422e-1;
  let far = sign(x) * (1.0 - 2.0 / (exp(2.0 * min(abs(x), vec4f(20.0))) + 1.0));
  return select(far, x + x * z * p, abs(x) < vec4f(0.625));
}
fn derivative(x: vec4f) -> vec4f {
  let e = exp(-2.0 * abs(x));
  let d = 1.0 + e;
  return 4.0 * e / (d * d);
}
