// The transpose of gather_rows.wgsl: each row of out is the sum of the rows of x whose index names it, in the order of
// the indices, so repeated indices give the same bits every time. Indices outside of out are ignored.
//
// Shapes    x [batches, count, width], index [batches, count] (i32), out [out_batches, length, width] with out_batches
//           = batches, or 1: then the sum runs over the batches too
// Dispatch  one task per row of out

#include "../parts/each_row.wgsl"

override STEP: u32 = 1u; // indices that are looked at together, 1 or 4; candidates is a multiple of it

struct Params {
  rows: u32, // out_batches * length
  length: u32,
  width: u32,
  candidates: u32, // rows of x per batch of out
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn task(row: u32, lane: u32) {
  let wanted = i32(row % params.length);
  let first = row / params.length * params.candidates;
  for (var column = lane; column < params.width; column += WORKGROUP) {
    out[row * params.width + column] = 0.0;
  }
  // Each invocation adds to its own columns only; most rows are named by no index and end here.
  for (var four = first; four < first + params.candidates; four += STEP) {
    var named = index[four] == wanted;
    if (STEP == 4u) {
      named = named || index[four + 1u] == wanted || index[four + 2u] == wanted || index[four + 3u] == wanted;
    }
    if (named) {
      for (var m = four; m < four + STEP; m++) {
        if (index[m] == wanted) {
          for (var column = lane; column < params.width; column += WORKGROUP) {
            out[row * params.width + column] += x[m * params.width + column];
          }
        }
      }
    }
  }
}
