// dprob = dout / count * hot * (gamma (1 - pt)^(gamma - 1) log(pt) - (1 - pt)^gamma / pt), pt and hot as in focal.wgsl.
//
// Shapes    prob and dprob [batch, 2, plane], mask [batch, plane], dout []; count = batch * plane pixels
// Dispatch  WORKGROUP * ITEMS pixels per workgroup, workgroups spread over x and y

override WORKGROUP: u32 = 64u;
override ITEMS: u32 = 8u;

struct Params {
  count: u32,
  plane: u32,
  gamma: f32,
  smoothing: f32,
}

@group(0) @binding(0) var<storage, read> prob: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<f32>;
@group(0) @binding(2) var<storage, read> dout: array<f32>;
@group(0) @binding(3) var<storage, read_write> dprob: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

// d loss / d pt of one pixel; see focal.wgsl for negative bases.
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

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let start = (group.y * groups.x + group.x) * WORKGROUP * ITEMS;
  let end = min(params.count, start + WORKGROUP * ITEMS);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    let normal = i + i / params.plane * params.plane;
    let hot = clamp(vec2f(1.0 - mask[i], mask[i]), vec2f(params.smoothing), vec2f(1.0 - params.smoothing));
    let pt = hot.x * prob[normal] + hot.y * prob[normal + params.plane] + params.smoothing;
    let d = dout[0] / f32(params.count) * slope(pt);
    dprob[normal] = d * hot.x;
    dprob[normal + params.plane] = d * hot.y;
  }
}
