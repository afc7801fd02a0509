// A product by tiles in workgroup memory: each lane owns LANE_ROWS rows and LANE_COLUMNS columns of its workgroup's TILE x
// TILE of the result, in registers.
//
// Includer  declares, as const or override, TILE; DEPTH, the values along K of a tile; SLICES, in which K is walked side by
//           side; and what workgroup_main.wgsl asks for

#include "workgroup_main.wgsl"

const LANE_ROWS = 8u;
const LANE_COLUMNS = 4u;

override QUADS: u32 = TILE / LANE_COLUMNS; // vectors of 4 across a tile
override LANES: u32 = TILE * TILE / (LANE_ROWS * LANE_COLUMNS); // of a slice
override VECTORS: u32 = DEPTH * QUADS; // of an operand's tile
override WORKGROUP: u32 = LANES * SLICES;

// tile_a[slice][k][row / 4] and tile_b[slice][k][column / 4], the last index swizzled so that the lanes that write a
// tile's columns do not meet in one memory bank.
var<workgroup> tile_a: array<vec4f, VECTORS * SLICES>;
var<workgroup> tile_b: array<vec4f, VECTORS * SLICES>;

// The lane's sums: column j of `upper_sum` is row 4 upper + j of the tile, that of `lower_sum` half a tile below. Only
// indexed by constants, so they live in registers.
var<private> upper_sum: mat4x4f;
var<private> lower_sum: mat4x4f;

// Tiles that cover so many rows or columns.
fn tiles_of(size: u32) -> u32 {
  return (size + TILE - 1u) / TILE;
}

fn place(slice: u32, k: u32, quad: u32) -> u32 {
  return slice * VECTORS + k * QUADS + (quad ^ (k / 4u));
}

// Adds the products along one tile's depth for rows 4 upper .. + 3 and those half a tile below, columns 4 own .. + 3.
fn multiply_tiles(slice: u32, upper: u32, own: u32) {
  for (var d = 0u; d < DEPTH; d++) {
    let a0 = tile_a[place(slice, d, upper)];
    let a1 = tile_a[place(slice, d, upper + QUADS / 2u)];
    let columns = tile_b[place(slice, d, own)];
    upper_sum[0] += a0.x * columns;
    upper_sum[1] += a0.y * columns;
    upper_sum[2] += a0.z * columns;
    upper_sum[3] += a0.w * columns;
    lower_sum[0] += a1.x * columns;
    lower_sum[1] += a1.y * columns;
    lower_sum[2] += a1.z * columns;
    lower_sum[3] += a1.w * columns;
  }
}

// A copy, since indexing by a variable would keep the sums themselves out of registers.
fn tile_sums() -> array<mat4x4f, 2> {
  return array<mat4x4f, 2>(upper_sum, lower_sum);
}

// The row of the tile that row r of the lane's sums is.
fn row_of_sum(upper: u32, r: u32) -> u32 {
  return 4u * upper + r % 4u + r / 4u * (TILE / 2u);
}
