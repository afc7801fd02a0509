// Focal loss of two-class maps, summed over stretches of pixels: -(1 - pt)^gamma log(pt) with
// pt = hot . prob + smooth and hot = [1 - mask, mask] clamped to [smooth, 1 - smooth].
//
// Shapes    prob [batch, 2, plane], mask [batch, plane], partial [stretches]; stretch s has the pixels
//           s * stretch .. min(count, (s + 1) * stretch) of batch * plane = count
// Dispatch  one workgroup per stretch, spread over x and y. The host's second pass adds up the stretches.
// Saved for backward: nothing

override WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  plane: u32,
  stretch: u32,
  stretches: u32,
  gamma: f32,
  smoothing: f32,
}

@group(0) @binding(0) var<storage, read> prob: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

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

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let s = group.y * groups.x + group.x;
  if (s >= params.stretches) {
    return;
  }
  let end = min(params.count, (s + 1u) * params.stretch);
  var sum = 0.0;
  for (var i = s * params.stretch + lane; i < end; i += WORKGROUP) {
    let normal = i + i / params.plane * params.plane; // of the image's first channel
    let hot = clamp(vec2f(1.0 - mask[i], mask[i]), vec2f(params.smoothing), vec2f(1.0 - params.smoothing));
    let pt = hot.x * prob[normal] + hot.y * prob[normal + params.plane] + params.smoothing;
    sum -= modulation(1.0 - pt) * log(pt);
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    partial[s] = sums[0];
  }
}
