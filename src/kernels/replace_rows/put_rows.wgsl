// Puts tokens into the same rows of every sequence: out[p, start + r] = tokens[first + r] for r in 0 .. count.
//
// Shapes    tokens [at least first + count, width], out [sequences, length, width], which holds the other rows already
// Dispatch  one item per element that is written
// Saved for backward: nothing

#include "../parts/each_element.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read> tokens: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn element(row: u32, column: u32) {
  let r = row % params.count;
  let to = row / params.count * params.length + params.start + r;
  out[to * params.width + column] = tokens[(params.first + r) * params.width + column];
}
