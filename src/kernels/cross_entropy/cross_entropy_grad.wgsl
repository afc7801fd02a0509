// d loss / d logits of each row's cross entropy: (softmax - one_hot(label)) * dloss.
//
// Shapes    logits, dlogits [rows, classes], labels [rows] (i32), log_sum [rows], dloss [rows]
// Dispatch  one invocation per element of dlogits, WORKGROUP per workgroup, workgroups spread over x and y

override WORKGROUP: u32 = 64u;

struct Params {
  rows: u32,
  classes: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> log_sum: array<f32>;
@group(0) @binding(3) var<storage, read> dloss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.rows * params.classes) {
    return;
  }
  let row = i / params.classes;
  let wanted = select(0.0, 1.0, u32(labels[row]) == i % params.classes);
  dlogits[i] = (exp(logits[i] - log_sum[row]) - wanted) * dloss[row];
}
