// Sums over stretches of an image that its Dice coefficient is made of: prediction * target, prediction + target.
//
// Shapes    prob [batch, 2, plane], mask [batch, plane], partial [batch, stretches, 2]; stretch s has the pixels
//           s * stretch .. min(plane, (s + 1) * stretch) of its image
// Dispatch  one workgroup per stretch, spread over x and y; dice_mean.wgsl adds up the stretches
// Saved for backward: nothing

override WORKGROUP: u32 = 64u;

struct Params {
  batch: u32,
  plane: u32,
  stretch: u32,
  stretches: u32,
  channel: u32, // 1: prob's second channel against mask; 0: the first against 1 - mask
}

@group(0) @binding(0) var<storage, read> prob: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> sums: array<vec2f, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.y * groups.x + group.x;
  if (i >= params.batch * params.stretches) {
    return;
  }
  let image = i / params.stretches;
  let s = i % params.stretches;
  let end = min(params.plane, (s + 1u) * params.stretch);
  let predictions = (2u * image + params.channel) * params.plane;
  var sum = vec2f();
  for (var k = s * params.stretch + lane; k < end; k += WORKGROUP) {
    let a = prob[predictions + k];
    let m = mask[image * params.plane + k];
    let b = select(1.0 - m, m, params.channel == 1u);
    sum += vec2f(a * b, a + b);
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
    partial[2u * i] = sums[0].x;
    partial[2u * i + 1u] = sums[0].y;
  }
}
