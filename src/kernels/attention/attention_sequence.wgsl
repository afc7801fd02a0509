// out = softmax(scale * query . key^T) . value per head, of short sequences. For GPUs.
//
// Shapes    as rows_with_prefix.wgsl and forward_outputs.wgsl have them; beside_out, beside_lse: of the prefix's own
//           sequence
// Dispatch  one workgroup per sequence and head. Workgroup memory: as sequence.wgsl has it, and a grid of scores [length]
//           [key quads]
// Saved for backward: lse, the log of each query's sum of exponentials

#include "../parts/each_workgroup.wgsl"
#include "sequence.wgsl"
#include "forward_outputs.wgsl"

@group(0) @binding(7) var<storage, read_write> beside_out: array<f32>;
@group(0) @binding(8) var<storage, read_write> beside_lse: array<f32>;

fn store_out(task: Task, at: u32, value: f32) {
  if (BESIDE) {
    if (task.beside) {
      beside_out[at] = value;
      return;
    }
  }
  out[at] = value;
}

// The log of the sum of query i's exponentials.
fn store_lse(task: Task, i: u32, value: f32) {
  if (BESIDE) {
    if (task.beside) {
      beside_lse[task.head * task.length + i] = value;
      return;
    }
  }
  lse[(task.sequence * params.heads + task.head) * task.length + i] = value;
}

fn task(index: u32, lane: u32) {
  let task = task_of(index);
  let quads = task.key_quads;
  let keys_at = task.length * stride();
  let values_at = keys_at + task.keys * stride();
  let scores_at = values_at + task.keys * stride();
  load_sequence(task, lane);
  workgroupBarrier();

  for (var item = lane; item < task.length * quads; item += WORKGROUP) {
    let i = item / quads;
    let t = item % quads;
    let scores = four_products(i * stride(), keys_at + quad_of(t, quads, task.keys) * stride());
    pool[scores_at + item] = hide(scores, i, t, task);
  }
  workgroupBarrier();

  for (var first = 0u; first < task.length; first += WORKGROUP / PARTS) {
    let i = first + lane / PARTS;
    let row_at = scores_at + i * quads;
    var own = vec2f(hidden, 0.0); // of the lane's part of the row: the highest score, and the sum of exponentials
    if (i < task.length) {
      for (var t = lane % PARTS; t < quads; t += PARTS) {
        own.x = max(own.x, highest_of(pool[row_at + t]));
      }
      for (var t = lane % PARTS; t < quads; t += PARTS) {
        own.y += sum_of(exp(pool[row_at + t] - own.x));
      }
    }
    of_lanes[lane] = vec4f(own, 0.0, 0.0);
    workgroupBarrier();
    if (i < task.length) {
      let all = parts_of(lane);
      let top = highest_of(all[0]);
      let sum = dot(all[1], exp(all[0] - top));
      for (var t = lane % PARTS; t < quads; t += PARTS) {
        pool[row_at + t] = exp(pool[row_at + t] - top) / sum;
      }
      if (lane % PARTS == 0u) {
        store_lse(task, i, top + log(sum));
      }
    }
    workgroupBarrier();
  }

  for (var item = lane; item < task.query_quads * vectors(); item += WORKGROUP) {
    let c = item % vectors();
    let queries = quad_of(item / vectors(), task.query_quads, task.length);
    let weights_at = scores_at + queries * quads;
    var sums = mat4x4f(); // a column for each query
    for (var t = 0u; t < quads; t++) {
      let values = four_rows(values_at + quad_of(t, quads, task.keys) * stride(), c);
      let weights = four_rows(weights_at, t);
      sums = mat4x4f(
        add_rows(sums[0], weights[0], values),
        add_rows(sums[1], weights[1], values),
        add_rows(sums[2], weights[2], values),
        add_rows(sums[3], weights[3], values)
      );
    }
    for (var e = 0u; e < 4u; e++) {
      if (item / vectors() + e * task.query_quads < task.length) {
        let start = (task.sequence * task.length + queries[e]) * task.width + task.head * params.head_dim;
        for (var k = 4u * c; k < min(params.head_dim, 4u * c + 4u); k++) {
          store_out(task, start + k, sums[e][k % 4u]);
        }
      }
    }
  }
}
