// d prefix: the sequences' shares of d key and d value, added up in a fixed order, and what else its gradient is made of;
// no shares in the query columns and in the rows behind the shared ones.
//
// Shapes    shares [sequences.x, prefix_length, 2 * width], more_shares [sequences.y, ..], addend and dprefix
//           [rows, 3 * width]; columns left of `first_column` have no shares
// Dispatch  one workgroup per COLUMNS elements of dprefix: lanes side by side read elements side by side, and those behind
//           them every SLICES-th sequence, so that a GPU waits for few of them one after the other

#include "../parts/each_workgroup.wgsl"

const COLUMNS = 16u;
override SLICES: u32 = WORKGROUP / COLUMNS; // of the sequences
override ADDEND: bool = false;

struct Params {
  sequences: vec2u,
  prefix_length: u32,
  width: u32,
  rows: u32,
  first_column: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> shares: array<f32>;
@group(0) @binding(2) var<storage, read> more_shares: array<f32>;
@group(0) @binding(3) var<storage, read> addend: array<f32>;
@group(0) @binding(4) var<storage, read_write> dprefix: array<f32>;

var<workgroup> of_slices: array<f32, WORKGROUP>;

fn tasks() -> u32 {
  return (params.rows * 3u * params.width + COLUMNS - 1u) / COLUMNS;
}

// Element `at` of a sequence's shares, those of shares first; 0 behind the last.
fn share(sequence: u32, at: u32) -> f32 {
  let stride = params.prefix_length * 2u * params.width; // from sequence to sequence
  if (sequence < params.sequences.x) {
    return shares[sequence * stride + at];
  }
  let other = sequence - params.sequences.x;
  if (other < params.sequences.y) {
    return more_shares[other * stride + at];
  }
  return 0.0;
}

fn task(i: u32, lane: u32) {
  let index = i * COLUMNS + lane % COLUMNS;
  let row = index / (3u * params.width);
  let column = index % (3u * params.width);
  let at = row * 2u * params.width + column - params.width;
  var sums = vec4f(); // of four sequences at a time: their loads need not wait for each other
  if (row < params.prefix_length && column >= params.first_column) {
    for (var k = lane / COLUMNS; k < params.sequences.x + params.sequences.y; k += 4u * SLICES) {
      for (var e = 0u; e < 4u; e++) {
        sums[e] += share(k + e * SLICES, at);
      }
    }
  }
  of_slices[lane] = sums.x + sums.y + sums.z + sums.w;
  workgroupBarrier();
  if (lane < COLUMNS && row < params.rows) {
    var sum = 0.0;
    for (var k = 0u; k < SLICES; k++) {
      sum += of_slices[k * COLUMNS + lane];
    }
    if (ADDEND) {
      sum += addend[index];
    }
    dprefix[index] = sum;
  }
}
