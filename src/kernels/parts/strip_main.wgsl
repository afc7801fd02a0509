// main of a product for software adapters with subgroups: a workgroup per strip of ROWS rows and 4 * WORKGROUP columns of
// the result, in registers, 4 columns to each lane. Runs `task(i, invocation, lane)` for each i below `tasks()`; `lane` is
// the invocation's place in its subgroup.
//
// Includer  has `enable subgroups;` and declares
//           fn tasks() -> u32
//           fn task(i: u32, invocation: u32, lane: u32)
//           fn rows_of_a(quad: u32) -> mat4x4f: four rows of a strip of the left operand, a column per row
// Dispatch  one workgroup per task, spread over x and y (`spread` of grid.ts)

#include "remaining.wgsl"
#include "subgroup_share.wgsl"

override WORKGROUP: u32 = 32u;
override ROWS: u32 = 16u; // 4, 8, 12 or 16

// The strip's sums: column j of sum q is row 4 q + j. Only indexed by constants, so they live in registers.
var<private> sum0: mat4x4f;
var<private> sum1: mat4x4f;
var<private> sum2: mat4x4f;
var<private> sum3: mat4x4f;

// Strips that cover so many rows, and so many columns.
fn strips_of_rows(rows: u32) -> u32 {
  return (rows + ROWS - 1u) / ROWS;
}

fn strips_of_columns(columns: u32) -> u32 {
  return (columns + 4u * WORKGROUP - 1u) / (4u * WORKGROUP);
}

// Adds the products of four values along K: `columns` is the right operand's block of them, a column per value.
fn add_products(columns: mat4x4f) {
  sum0 += columns * rows_of_a(0u);
  if (ROWS > 4u) {
    sum1 += columns * rows_of_a(1u);
  }
  if (ROWS > 8u) {
    sum2 += columns * rows_of_a(2u);
  }
  if (ROWS > 12u) {
    sum3 += columns * rows_of_a(3u);
  }
}

// A copy, since indexing by a variable would keep the sums themselves out of registers.
fn strip_sums() -> array<mat4x4f, 4> {
  return array<mat4x4f, 4>(sum0, sum1, sum2, sum3);
}

@compute @workgroup_size(WORKGROUP) @subgroup_size(SUBGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) invocation: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let i = group.y * groups.x + group.x;
  if (i < tasks()) {
    task(i, invocation, lane);
  }
}
