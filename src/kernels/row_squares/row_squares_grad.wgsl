// dx = dout * 2 * scale * (1 - label of the row) * x + addend.
//
// Shapes    x, addend and dx [rows, width], labels [rows], dout []
// Dispatch  one item per element of dx

#include "../parts/each_element.wgsl"
#include "params.wgsl"

override ADDEND: bool = false;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read> dout: array<f32>;
@group(0) @binding(4) var<storage, read> addend: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

fn element(row: u32, column: u32) {
  let i = row * params.width + column;
  var value = dout[0] * 2.0 * params.scale * (1.0 - labels[row]) * x[i];
  if (ADDEND) {
    value += addend[i];
  }
  dx[i] = value;
}
