// out = sum over i < j of |cosine[i, j]|.
//
// Shapes    cosine [rows, rows], out []
// Dispatch  one workgroup

#include "../parts/tree_sum.wgsl"

override WORKGROUP: u32 = 64u;

struct Params {
  rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> cosine: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

alias Partial = f32;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var at = lane; at < params.rows * params.rows; at += WORKGROUP) {
    if (at / params.rows < at % params.rows) {
      sum += abs(cosine[at]);
    }
  }
  let total = tree_sum(sum, lane);
  if (lane == 0u) {
    out[0] = total;
  }
}
