// Puts tokens into the same rows of every sequence: out[p, start + r] = tokens[first + r] for r in 0 .. count.
//
// Shapes    tokens [at least first + count, width], out [sequences, length, width], which holds the other rows already
// Dispatch  one item per element that is written
// Saved for backward: nothing

#include "../parts/each_item.wgsl"

struct Params {
  sequences: u32,
  length: u32,
  width: u32,
  start: u32,
  count: u32,
  first: u32,
}

@group(0) @binding(0) var<storage, read> tokens: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn items() -> u32 {
  return params.sequences * params.count * params.width;
}

fn item(i: u32) {
  let element = i % (params.count * params.width);
  let sequence = i / (params.count * params.width);
  out[(sequence * params.length + params.start) * params.width + element] = tokens[params.first * params.width + element];
}
