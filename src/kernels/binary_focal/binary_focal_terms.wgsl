// What the binary focal loss and its gradient share.
//
// Includer  is binary_focal.wgsl or binary_focal_grad.wgsl

override LOGITS: bool = true; // the score is a logit, or a probability

struct Params {
  count: u32,
  gamma: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

// log(1 + t) for t in [0, 1], exact where 1 + t rounds (Goldberg, 1991).
fn log1p(t: f32) -> f32 {
  let u = 1.0 + t;
  return select(log(u) * (t / (u - 1.0)), t, u == 1.0);
}

// 1 - exp(-b) for b >= 0, without cancellation where b is small.
fn one_minus_exp(b: f32) -> f32 {
  let series = b * (1.0 - b * (0.5 - b * (1.0 / 6.0 - b * (1.0 / 24.0 - b * (1.0 / 120.0 - b / 720.0)))));
  return select(1.0 - exp(-b), series, b < 0.25);
}

// base^exponent for base >= 0, by multiplication where that is exact.
fn power(base: f32, exponent: f32) -> f32 {
  if (exponent == 2.0) {
    return base * base;
  }
  if (exponent == 1.0) {
    return base;
  }
  if (exponent == 0.0) {
    return 1.0;
  }
  return pow(base, exponent);
}

// Binary cross entropy; logarithms of probabilities are clamped at -100, as PyTorch's.
fn cross_entropy(x: f32, y: f32) -> f32 {
  if (LOGITS) {
    return max(x, 0.0) - x * y + log1p(exp(-abs(x)));
  }
  return -(y * max(log(x), -100.0) + (1.0 - y) * max(log(1.0 - x), -100.0));
}

fn items() -> u32 {
  return params.count;
}
