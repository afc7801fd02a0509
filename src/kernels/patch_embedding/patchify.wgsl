// Rearranges images into rows of patches (im2col for a stride equal to the kernel's size), or back: a permutation.
//
// Shapes    images [batch, channels, grid_rows * patch, grid_columns * patch],
//           patches [batch, grid_rows * grid_columns, channels * patch * patch]; x is the one, out the other
// Dispatch  one item per element, in the order of patches
// Saved for backward: nothing; the gradient is the way back

#include "../parts/each_counted.wgsl"

override INVERSE: bool = false; // from patches to images
struct Params {
  count: u32,
  channels: u32,
  grid_rows: u32,
  grid_columns: u32,
  patch_size: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn item(i: u32) {
  let size = params.patch_size;
  var rest = i;
  let column = rest % size;
  rest /= size;
  let row = rest % size;
  rest /= size;
  let channel = rest % params.channels;
  rest /= params.channels;
  let grid_column = rest % params.grid_columns;
  rest /= params.grid_columns;
  let grid_row = rest % params.grid_rows;
  let batch = rest / params.grid_rows;
  let line = ((batch * params.channels + channel) * params.grid_rows + grid_row) * size + row;
  let pixel = (line * params.grid_columns + grid_column) * size + column;
  if (INVERSE) {
    out[pixel] = x[i];
  } else {
    out[i] = x[pixel];
  }
}
