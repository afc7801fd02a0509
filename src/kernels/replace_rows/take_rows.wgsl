// The gradient of put_rows.wgsl: moves the replaced rows' gradients, summed over the sequences in order, to the tokens.
//
// Shapes    dx [sequences, length, width], on entry the upstream gradient, whose replaced rows become 0;
//           dtokens [rows, width], 0 for tokens that replaced nothing
// Dispatch  one item per element of dtokens

#include "../parts/each_element.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<storage, read_write> dtokens: array<f32>;

fn element(token: u32, column: u32) {
  var sum = 0.0;
  if (token >= params.first && token < params.first + params.count) {
    let row = params.start + token - params.first;
    for (var p = 0u; p < params.sequences; p++) {
      let at = (p * params.length + row) * params.width + column;
      sum += dx[at];
      dx[at] = 0.0;
    }
  }
  dtokens[token * params.width + column] = sum;
}
