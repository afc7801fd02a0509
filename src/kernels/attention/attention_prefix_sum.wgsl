// d prefix: the groups' partial sums of d key and d value, added up in order; zero in the query columns and in the rows
// behind the shared ones.
//
// Shapes    partial [groups, prefix_length, 2 * width], dprefix [rows, 3 * width]; columns left of `first_column` are zero
// Dispatch  one item per element of dprefix

#include "../parts/each_item.wgsl"

struct Params {
  groups: u32,
  prefix_length: u32,
  width: u32,
  rows: u32,
  first_column: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> dprefix: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn items() -> u32 {
  return params.rows * 3u * params.width;
}

fn item(index: u32) {
  let row = index / (3u * params.width);
  let column = index % (3u * params.width);
  var sum = 0.0;
  if (row < params.prefix_length && column >= params.first_column) {
    for (var k = 0u; k < params.groups; k++) {
      sum += partial[(k * params.prefix_length + row) * 2u * params.width + column - params.width];
    }
  }
  dprefix[index] = sum;
}
