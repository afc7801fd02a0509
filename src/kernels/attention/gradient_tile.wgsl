// Tiles of the gradients of long sequences in workgroup memory. A workgroup owns TILE rows, queries or keys, and goes
// through the others, 32 at a time: both gradients need the products of rows with rows, the scores and d scores' summands,
// and then sums of the others' rows by weights.
//
// Includer  includes own_rows.wgsl; fills the tiles, heads of at most 64
// Layout    For products lanes form a grid of TILE / 2 x 8: a lane has own rows `upper` and upper + UPPER, and of the others
//           quad `quad`, rows 4 quad .. 4 quad + 3. For sums one of TILE / 4 x 16: own rows row + ROWS i, vector `column`
//           of a row.

#include "arithmetic.wgsl"

override TILE: u32 = 32u; // 32 or 16
override LANES: u32 = 4u * TILE;
override UPPER: u32 = TILE / 2u;
override ROWS: u32 = TILE / 4u;
const OTHERS = 32u; // rows of the others at a time
const QUADS = OTHERS / 4u;
const DEPTH = 16u; // vectors of a row

// Indices inside loops are constants, a lane's own or a loop's, as in forward_tile.wgsl; rows are one vector longer than
// what they hold, so that rows side by side lie in different memory banks.
struct Row {
  vectors: array<array<vec4f, 4>, 4>,
  unused: vec4f,
}

struct Weights {
  of_others: array<array<vec4f, 2>, 4>, // a vector for a quad
  unused: vec4f,
}

// Sides of both arrays: FIRST are the rows of a score's product, queries or keys; SECOND those of its gradient's, d outputs
// or values. Always given as one of the two constants.
const FIRST = 0u;
const SECOND = 1u;
var<workgroup> own: array<array<Row, 2>, TILE>; // [row][side]
var<workgroup> others: array<array<array<array<Row, 2>, 4>, 4>, 2>; // row 8 h + 4 c + j is [side][j][h][c]

// Products of the lane's two own rows, a column each, with its four others.
fn add_to(sums: mat2x4f, side: u32, upper: u32, quad: u32, d: u32, e: u32) -> mat2x4f {
  let four = mat4x4f(
    others[side][0][quad / 2u][quad % 2u].vectors[d][e],
    others[side][1][quad / 2u][quad % 2u].vectors[d][e],
    others[side][2][quad / 2u][quad % 2u].vectors[d][e],
    others[side][3][quad / 2u][quad % 2u].vectors[d][e]
  );
  return mat2x4f(
    add_products(sums[0], own[upper][side].vectors[d][e], four),
    add_products(sums[1], own[upper + UPPER][side].vectors[d][e], four)
  );
}

fn products(side: u32, upper: u32, quad: u32) -> mat2x4f {
  var sums = mat2x4f();
  for (var d = 0u; 16u * d < params.head_dim; d++) {
    sums = add_to(sums, side, upper, quad, d, 0u);
    sums = add_to(sums, side, upper, quad, d, 1u);
    sums = add_to(sums, side, upper, quad, d, 2u);
    sums = add_to(sums, side, upper, quad, d, 3u);
  }
  return sums;
}

// Vector `column` of the others' rows 8 h + 4 e .. 8 h + 4 e + 3, a column each.
fn four_of(side: u32, column: u32, h: u32, e: u32) -> mat4x4f {
  return mat4x4f(
    others[side][0][h][e].vectors[column / 4u][column % 4u],
    others[side][1][h][e].vectors[column / 4u][column % 4u],
    others[side][2][h][e].vectors[column / 4u][column % 4u],
    others[side][3][h][e].vectors[column / 4u][column % 4u]
  );
}

// d score from p, its probability, and dp - delta.
fn score_gradient(p: vec4f, difference: vec4f) -> vec4f {
  // Where one key has all the weight the gradient is 0, which the difference of rounded numbers is not.
  return select(p * difference, vec4f(), p == vec4f(1.0));
}
