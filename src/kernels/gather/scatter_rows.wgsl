// The transpose of gather_rows.wgsl: each row of out is the sum of the rows of x whose index names it, in the order of
// the indices, so repeated indices give the same bits every time. Indices outside of out are ignored.
//
// Shapes    x [batches, count, width], index [batches, count] (i32), out [out_batches, length, width] with out_batches
//           = batches, or 1: then the sum runs over the batches too
// Dispatch  one task per row of out

#include "../parts/each_row.wgsl"

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
  for (var m = first; m < first + params.candidates; m++) {
    if (index[m] == wanted) {
      for (var column = lane; column < params.width; column += WORKGROUP) {
        out[row * params.width + column] += x[m * params.width + column];
      }
    }
  }
}
