// What the focal loss and its gradient read of a pixel.
//
// Includer  is focal.wgsl or focal_grad.wgsl

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
