// Cross entropy of each row: log sum exp(logits) - logits[label].
//
// Shapes    logits [rows, width], width = classes, labels [rows] (i32), loss [rows], log_sum [rows]
// Dispatch  one task per row
// Saved for backward: log_sum, the row's log of the sum of exponentials
//
// A label outside 0..classes-1 makes the row's loss NaN, so that it is seen.

#include "../parts/each_row.wgsl"
#include "../parts/tree_max.wgsl"
#include "../parts/tree_sum.wgsl"
#include "../parts/rows_of_width.wgsl"

@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<i32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> log_sum: array<f32>;

alias Partial = f32;

fn task(row: u32, lane: u32) {
  let start = row * params.width;
  var largest = logits[start];
  for (var k = lane; k < params.width; k += WORKGROUP) {
    largest = max(largest, logits[start + k]);
  }
  largest = tree_max(largest, lane);
  workgroupBarrier(); // for the second reduction
  var sum = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    sum += exp(logits[start + k] - largest);
  }
  sum = tree_sum(sum, lane);
  if (lane == 0u) {
    let total = largest + log(sum);
    log_sum[row] = total;
    let label = labels[row];
    let known = label >= 0 && u32(label) < params.width;
    let zero = f32(params.rows - params.rows);
    loss[row] = select(zero / zero, total - logits[start + u32(max(label, 0)) * u32(known)], known);
  }
}
