// d loss / d score of the binary focal loss of each score.
//
//   d loss / d bce = gamma (1 - e)^(gamma - 1) e bce + (1 - e)^gamma, with e = exp(-bce)
//   d bce / d score = sigmoid(score) - label, or (p - label) / (p (1 - p)) for a probability p
//
// Shapes    score, labels, dloss, dscore [count]
// Dispatch  one invocation per element, WORKGROUP per workgroup, workgroups spread over x and y

override LOGITS: bool = true; // the score is a logit, or a probability
override WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  gamma: f32,
}

@group(0) @binding(0) var<storage, read> score: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read> dloss: array<f32>;
@group(0) @binding(3) var<storage, read_write> dscore: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

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

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.count) {
    return;
  }
  let x = score[i];
  let y = labels[i];
  let bce = cross_entropy(x, y);
  let base = one_minus_exp(bce);
  let by_bce = params.gamma * power(base, params.gamma - 1.0) * exp(-bce) * bce + power(base, params.gamma);
  var by_score: f32;
  if (LOGITS) {
    let t = exp(-abs(x));
    by_score = select(t, 1.0, x >= 0.0) / (1.0 + t) - y;
  } else {
    by_score = (x - y) / max(x * (1.0 - x), 1e-12); // the floor is PyTorch's
  }
  dscore[i] = dloss[i] * by_bce * by_score;
}
