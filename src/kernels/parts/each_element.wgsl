// each_item, an element of a matrix each: runs `element(row, column)` for each of the uniforms' `rows` and `width`.
//
// Includer  declares params with rows: u32 and width: u32, and fn element(row: u32, column: u32)

#include "each_item.wgsl"

fn items() -> u32 {
  return params.rows * params.width;
}

fn item(i: u32) {
  element(i / params.width, i % params.width);
}
