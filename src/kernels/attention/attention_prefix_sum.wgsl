// d prefix: the groups' partial sums of d key and d value, added up in a fixed order; zero in the query columns and in the
// rows behind the shared ones.
//
// Shapes    partial [groups, prefix_length, 2 * width], dprefix [rows, 3 * width]; columns left of `first_column` are zero
// Dispatch  one workgroup per COLUMNS elements of dprefix: lanes side by side read elements side by side, and those behind
//           them every SLICES-th group, so that a GPU waits for few groups one after the other

#include "../parts/each_workgroup.wgsl"

const COLUMNS = 16u;
override SLICES: u32 = WORKGROUP / COLUMNS; // of the groups

struct Params {
  groups: u32,
  prefix_length: u32,
  width: u32,
  rows: u32,
  first_column: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> dprefix: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> of_slices: array<f32, WORKGROUP>;

fn tasks() -> u32 {
  return (params.rows * 3u * params.width + COLUMNS - 1u) / COLUMNS;
}

fn task(i: u32, lane: u32) {
  let index = i * COLUMNS + lane % COLUMNS;
  let row = index / (3u * params.width);
  let column = index % (3u * params.width);
  let stride = params.prefix_length * 2u * params.width; // from group to group
  let at = row * 2u * params.width + column - params.width;
  var sums = vec4f(); // of four groups at a time: their loads need not wait for each other
  if (row < params.prefix_length && column >= params.first_column) {
    for (var k = lane / COLUMNS; k < params.groups; k += 4u * SLICES) {
      for (var e = 0u; e < 4u; e++) {
        let group = k + e * SLICES;
        sums[e] += select(0.0, partial[min(group, params.groups - 1u) * stride + at], group < params.groups);
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
    dprefix[index] = sum;
  }
}
