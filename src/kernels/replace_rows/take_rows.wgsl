// The gradient of put_rows.wgsl: moves the replaced rows' gradients, summed over the sequences in order, to the tokens.
//
// Shapes    dx [sequences, length, width], on entry the upstream gradient, whose replaced rows become 0;
//           dtokens [tokens, width], 0 for tokens that replaced nothing
// Dispatch  one item per element of dtokens

#include "../parts/each_item.wgsl"

struct Params {
  sequences: u32,
  length: u32,
  width: u32,
  start: u32,
  count: u32,
  first: u32,
  tokens: u32,
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read_write> dtokens: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn items() -> u32 {
  return params.tokens * params.width;
}

fn item(i: u32) {
  let token = i / params.width;
  var sum = 0.0;
  if (token >= params.first && token < params.first + params.count) {
    let row = params.start + token - params.first;
    for (var p = 0u; p < params.sequences; p++) {
      let at = (p * params.length + row) * params.width + i % params.width;
      sum += dx[at];
      dx[at] = 0.0;
    }
  }
  dtokens[i] = sum;
}
