// epilogue.wgsl for rows of a multiple of four columns, in vectors: a software adapter takes one apart into four loads or
// stores, but looks for the buffer and its size once.
//
// Includer  includes operands.wgsl too
// Shapes    as epilogue.wgsl has them, as vectors; N a multiple of 4, strides N and 1
// Saved for backward: preactivation, on request

#include "activation.wgsl"

@group(0) @binding(5) var<storage, read> residual: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> preactivation: array<vec4f>;

// Finishes four scaled sums, neighbours in a row of the result from element i of out on, and writes them, or (count 0) does
// not.
fn store_four(i: u32, count: u32, sums: vec4f, own_bias: vec4f) {
  if (count == 0u) {
    return;
  }
  let at = i / 4u;
  var values = sums + own_bias;
  if (params.save_preactivation != 0u) {
    preactivation[at] = values;
  }
  if (SLOPE) {
    values *= slope(preactivation[at]);
  }
  values = activate(values);
  if (params.has_residual != 0u) {
    values += residual[at];
  }
  out[at] = values;
}
