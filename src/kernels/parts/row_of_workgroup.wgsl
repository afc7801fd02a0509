// A row by a workgroup: its lanes take an element each at a time. For GPUs; row_of_invocation.wgsl has the same names, so
// that one text of an operator's rows serves both.
//
// Includer  declares params with rows: u32 and width: u32, and fn task(row: u32, lane: u32)
// Dispatch  one workgroup per row (`rowDispatch` of row-lanes.ts)

#include "each_row.wgsl"
#include "tree_sum.wgsl"

override LANES: u32 = WORKGROUP; // that share a row

alias Element = f32;
alias Pair = vec2f; // two Elements that are summed together
alias Partial = Pair;

// Elements of a row.
fn row_length() -> u32 {
  return params.width;
}

// Both sums over all lanes.
fn row_sums(own: Pair, lane: u32) -> vec2f {
  workgroupBarrier(); // lanes may still be reading the sums before these
  return tree_sum(own, lane);
}

fn row_sum(own: Element, lane: u32) -> f32 {
  return row_sums(Pair(own, 0.0), lane).x;
}
