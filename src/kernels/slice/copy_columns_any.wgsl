// The copy that copy_columns.wgsl and copy_columns_vec4.wgsl share: all sizes count Elements.
//
// Includer  declares alias Element

#include "../parts/each_element.wgsl"

struct Params {
  rows: u32,
  width: u32,
  from_pitch: u32,
  from_shift: i32,
  to_pitch: u32,
  to_start: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<Element>;
@group(0) @binding(2) var<storage, read_write> out: array<Element>;

fn element(row: u32, column: u32) {
  let at = u32(i32(column) + params.from_shift); // a negative column becomes a very large one
  var value = Element();
  if (at < params.from_pitch) {
    value = source[row * params.from_pitch + at];
  }
  out[row * params.to_pitch + params.to_start + column] = value;
}
