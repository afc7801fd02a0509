// The k largest of each row and their indices, descending, by counting: an element's place is the number of elements
// that come before it. width^2 comparisons a row whatever k is; topk_select.wgsl serves few k.
//
// Order     by value; equal values by index, lowest first; -0 and 0 are equal; NaN is above everything, as in PyTorch
// Shapes    x [rows, width] (f32, read as bits), values [rows, k] (f32), indices [rows, k] (i32)
// Dispatch  one item per element of x

#include "../parts/each_element.wgsl"
#include "../parts/sort_key.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> values: array<u32>;
@group(0) @binding(3) var<storage, read_write> indices: array<i32>;

fn element(row: u32, i: u32) {
  let start = row * params.width;
  let key = sort_key(x[start + i]);
  var place = 0u;
  for (var j = 0u; j < i; j++) {
    place += u32(sort_key(x[start + j]) >= key);
  }
  for (var j = i + 1u; j < params.width; j++) {
    place += u32(sort_key(x[start + j]) > key);
  }
  if (place < params.k) {
    values[row * params.k + place] = x[start + i];
    indices[row * params.k + place] = i32(i);
  }
}
