// What join.wgsl and join_vec4.wgsl share: all sizes count Elements.
//
// Includer  declares alias Element, of bits, and alias Numbers, the same as f32

#include "../parts/each_element.wgsl"

override ADDEND: bool = false;

struct Params {
  rows: u32,
  width: u32, // of a row of out
  starts: vec4u, // where the parts begin in a row; `width` for those that there are not
  pitches: vec4u, // from a row of a part to the next: 0 for a part that all rows share
  addend_count: u32, // elements of the addend, which repeats
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> part0: array<Element>;
@group(0) @binding(2) var<storage, read> part1: array<Element>;
@group(0) @binding(3) var<storage, read> part2: array<Element>;
@group(0) @binding(4) var<storage, read> part3: array<Element>;
@group(0) @binding(5) var<storage, read> addend: array<Numbers>;
@group(0) @binding(6) var<storage, read_write> out: array<Element>;

fn element(row: u32, column: u32) {
  let i = row * params.width + column;
  let at = row * params.pitches + column - params.starts; // in each of the parts
  var value: Element;
  if (column < params.starts.y) {
    value = part0[at.x];
  } else if (column < params.starts.z) {
    value = part1[at.y];
  } else if (column < params.starts.w) {
    value = part2[at.z];
  } else {
    value = part3[at.w];
  }
  if (ADDEND) {
    value = bitcast<Element>(bitcast<Numbers>(value) + addend[i % params.addend_count]);
  }
  out[i] = value;
}
