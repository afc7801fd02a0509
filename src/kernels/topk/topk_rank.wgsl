// The k largest of each row and their indices, descending, by counting: an element's place is the number of elements
// that come before it. length^2 comparisons a row whatever k is; topk_select.wgsl serves few k.
//
// Order     by value; equal values by index, lowest first; -0 and 0 are equal; NaN is above everything, as in PyTorch
// Shapes    x [rows, length] (f32, read as bits), values [rows, k] (f32), indices [rows, k] (i32)
// Dispatch  one item per element of x

#include "../parts/each_item.wgsl"
#include "../parts/sort_key.wgsl"
#include "params.wgsl"

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> values: array<u32>;
@group(0) @binding(2) var<storage, read_write> indices: array<i32>;
@group(0) @binding(3) var<uniform> params: Params;

fn items() -> u32 {
  return params.rows * params.length;
}

fn item(element: u32) {
  let row = element / params.length;
  let i = element % params.length;
  let start = row * params.length;
  let key = sort_key(x[element]);
  var place = 0u;
  for (var j = 0u; j < i; j++) {
    place += u32(sort_key(x[start + j]) >= key);
  }
  for (var j = i + 1u; j < params.length; j++) {
    place += u32(sort_key(x[start + j]) > key);
  }
  if (place < params.k) {
    values[row * params.k + place] = x[element];
    indices[row * params.k + place] = i32(i);
  }
}
