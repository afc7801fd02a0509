// The k largest of each row and their indices, descending, one after another: k passes over the row, each for the
// best of those that come after the last one. For few k; topk_rank.wgsl serves many.
//
// Order     by value; equal values by index, lowest first; -0 and 0 are equal; NaN is above everything, as in PyTorch
// Shapes    x [rows, width] (f32, read as bits), values [rows, k] (f32), indices [rows, k] (i32)
// Dispatch  one task per row

#include "../parts/each_row.wgsl"
#include "../parts/sort_key.wgsl"
#include "../parts/tree_best.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> values: array<u32>;
@group(0) @binding(3) var<storage, read_write> indices: array<i32>;

alias Key = u32;

fn task(row: u32, lane: u32) {
  // Nothing is taken yet: everything comes after this.
  var last_key = 0xffffffffu;
  var last_index = -1;
  for (var taken = 0u; taken < params.k; taken++) {
    var key = 0u; // below every key
    var index = params.width;
    for (var i = lane; i < params.width; i += WORKGROUP) {
      let candidate = sort_key(x[row * params.width + i]);
      let follows = candidate < last_key || (candidate == last_key && i32(i) > last_index);
      if (follows && candidate > key) {
        key = candidate;
        index = i;
      }
    }
    let best = tree_best(Candidate(key, index), lane);
    last_key = best.key;
    last_index = i32(best.index);
    workgroupBarrier(); // everyone has read the winner before the next pass overwrites it
    if (lane == 0u) {
      values[row * params.k + taken] = x[row * params.width + u32(last_index)];
      indices[row * params.k + taken] = last_index;
    }
  }
}
