// A row by one invocation, in vectors of four: no barriers. For software adapters; row_of_workgroup.wgsl has the same names,
// so that one text of an operator's rows serves both.
//
// Includer  declares params with rows: u32 and width: u32, a multiple of 4, and fn task(row: u32, lane: u32)
// Dispatch  one item per row (`rowDispatch` of row-lanes.ts)

#include "each_row_serial.wgsl"

const LANES = 1u; // that share a row

alias Element = vec4f;
alias Pair = mat2x4f; // two Elements that are summed together

// Elements of a row.
fn row_length() -> u32 {
  return params.width / 4u;
}

// The sum over the lanes, of which there is one: of the Element's own four.
fn row_sum(own: Element, lane: u32) -> f32 {
  return (own.x + own.y) + (own.z + own.w);
}

fn row_sums(own: Pair, lane: u32) -> vec2f {
  return vec2f(row_sum(own[0], lane), row_sum(own[1], lane));
}

fn item(row: u32) {
  task(row, 0u);
}
