// out[b, m] = row index[b, m] of x[b]. A row that x does not have becomes NaN, so that the fault is seen downstream.
//
// Shapes    x [batches or 1, length, width] f32, or f16 packed two to a word (HALF), index [batches, count] (i32),
//           out [batches, count, width] f32, written as bits: a shader may not rely on arithmetic with NaN
// Dispatch  one task per row of out
// Saved for backward: nothing (the rule needs index)

#include "../parts/each_row.wgsl"

override HALF: bool = false;
struct Params {
  rows: u32, // batches * count
  count: u32,
  length: u32,
  width: u32,
  batch_stride: u32, // elements from one batch of x to the next; 0 where all share one
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> index: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<u32>;

const quiet_nan = 0x7fc00000u;

fn load(i: u32) -> u32 {
  if (HALF) {
    let pair = unpack2x16float(x[i / 2u]);
    return bitcast<u32>(select(pair.x, pair.y, i % 2u == 1u));
  }
  return x[i];
}

fn task(row: u32, lane: u32) {
  let chosen = u32(index[row]); // a negative index becomes a very large one
  let start = row / params.count * params.batch_stride + chosen * params.width;
  for (var column = lane; column < params.width; column += WORKGROUP) {
    var value = quiet_nan;
    if (chosen < params.length) {
      value = load(start + column);
    }
    out[row * params.width + column] = value;
  }
}
