// x * Phi(x), Phi the normal distribution's cumulative function: GELU (Hendrycks and Gimpel, 2016), exact form. Its slope
// is Phi(x) + x phi(x), phi the distribution's density.
#include "../pointwise/pointwise.wgsl"

// Phi, by the rational approximation 7.1.26 of Abramowitz and Stegun for the upper tail erfc(|z| / sqrt(2)) / 2 (error
// below 1e-7).
fn cumulative(z: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.23164189 * abs(z)); // 0.3275911 / sqrt(2)
  let series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  let tail = 0.5 * series * exp(-0.5 * z * z);
  return select(tail, 1.0 - tail, z >= vec4f());
}

// Beyond 15 Phi is 0 or 1 and phi is 0; z * z does not overflow.
fn clamped(x: vec4f) -> vec4f {
  return clamp(x, vec4f(-15.0), vec4f(15.0));
}

fn value(x: vec4f) -> vec4f {
  return x * cumulative(clamped(x));
}

fn derivative(x: vec4f) -> vec4f {
  let z = clamped(x);
  let density = 0.3989422804 * exp(-0.5 * z * z); // 1 / sqrt(2 pi)
  return cumulative(z) + z * density;
}
