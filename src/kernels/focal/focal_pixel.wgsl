// What the focal loss and its gradient make of a pixel.
//
// Includer  declares prob and params with plane, gamma, smoothing; includes parts/mask.wgsl

// Where pixel i, counted through the images, lies in the first channel of prob [batch, 2, plane].
fn first_channel(i: u32) -> u32 {
  return i + i / params.plane * params.plane;
}

// [1 - mask, mask], clamped to [smoothing, 1 - smoothing].
fn smoothed_target(i: u32) -> vec2f {
  let m = mask_at(i);
  return clamp(vec2f(1.0 - m, m), vec2f(params.smoothing), vec2f(1.0 - params.smoothing));
}

// The probability of what the pixel is; it can exceed 1 by `smoothing`.
fn target_probability(i: u32, hot: vec2f) -> f32 {
  let normal = first_channel(i);
  return hot.x * prob[normal] + hot.y * prob[normal + params.plane] + params.smoothing;
}

// base^gamma. pt can exceed 1 by `smoothing`: gamma 2 is a product, as pow has no negative base; others stop at 0.
fn modulation(base: f32) -> f32 {
  if (params.gamma == 2.0) {
    return base * base;
  }
  if (base > 0.0) {
    return pow(base, params.gamma);
  }
  return select(0.0, 1.0, params.gamma == 0.0);
}

// d loss / d pt of one pixel; see `modulation` for negative bases.
fn slope(pt: f32) -> f32 {
  let base = 1.0 - pt;
  if (params.gamma == 2.0) {
    return base * (2.0 * log(pt) - base / pt);
  }
  if (base > 0.0) {
    return params.gamma * pow(base, params.gamma - 1.0) * log(pt) - pow(base, params.gamma) / pt;
  }
  return select(0.0, -1.0 / pt, params.gamma == 0.0);
}
