// Cross entropy of each row: log sum exp(logits) - logits[label].
//
// Shapes    logits [rows, classes], labels [rows] (i32), loss [rows], log_sum [rows]
// Dispatch  one workgroup per row, spread over x and y
// Saved for backward: log_sum, the row's log of the sum of exponentials
//
// A label outside 0..classes-1 makes the row's loss NaN, so that it is seen.

override WORKGROUP: u32 = 64u;

struct Params {
  rows: u32,
  classes: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> log_sum: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> shared_values: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) {
    return;
  }
  let start = row * params.classes;
  var largest = logits[start];
  for (var k = lane; k < params.classes; k += WORKGROUP) {
    largest = max(largest, logits[start + k]);
  }
  shared_values[lane] = largest;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      shared_values[lane] = max(shared_values[lane], shared_values[lane + half]);
    }
    workgroupBarrier();
  }
  largest = shared_values[0];
  workgroupBarrier();
  var sum = 0.0;
  for (var k = lane; k < params.classes; k += WORKGROUP) {
    sum += exp(logits[start + k] - largest);
  }
  shared_values[lane] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      shared_values[lane] += shared_values[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    let total = largest + log(shared_values[0]);
    log_sum[row] = total;
    let label = labels[row];
    let known = label >= 0 && u32(label) < params.classes;
    let zero = f32(params.rows - params.rows);
    loss[row] = select(zero / zero, total - logits[start + u32(max(label, 0)) * u32(known)], known);
  }
}
