// Multiplies the matrices of two tiles in workgroup memory and adds them to a subgroup's block of the result.
//
// Includer  units.wgsl

alias Left = subgroup_matrix_left<f16, UNIT_K, UNIT_M>;
alias Right = subgroup_matrix_right<f16, UNIT_N, UNIT_K>;
alias Sum = subgroup_matrix_result<f32, UNIT_N, UNIT_M>;

// Matrices of a tile: part 0, 1 along the rows of a block of a, 0 to 3 along the columns of one of b. One function each: an
// offset that is a parameter would be held within bounds, and loaded in scalars.
fn left0(tile: u32) -> Left {
  if (TRANSPOSE_A) {
    return subgroupMatrixLoad<Left, col_major>(&tile_a[tile], 0u * UNIT_M / 8u, LINE_M);
  }
  return subgroupMatrixLoad<Left, row_major>(&tile_a[tile], 0u * UNIT_M * LINE_K, LINE_K);
}

fn left1(tile: u32) -> Left {
  if (TRANSPOSE_A) {
    return subgroupMatrixLoad<Left, col_major>(&tile_a[tile], 1u * UNIT_M / 8u, LINE_M);
  }
  return subgroupMatrixLoad<Left, row_major>(&tile_a[tile], 1u * UNIT_M * LINE_K, LINE_K);
}

fn right0(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 0u * UNIT_N * LINE_K, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 0u * UNIT_N / 8u, LINE_N);
}

fn right1(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 1u * UNIT_N * LINE_K, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 1u * UNIT_N / 8u, LINE_N);
}

fn right2(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 2u * UNIT_N * LINE_K, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 2u * UNIT_N / 8u, LINE_N);
}

fn right3(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 3u * UNIT_N * LINE_K, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 3u * UNIT_N / 8u, LINE_N);
}

// A subgroup's block of the result, row by row.
alias Sums = array<Sum, 8>;

// Adds the products of both matrices of a's block with one of b's, by its column in the block.
fn add_column0(sums: ptr<function, Sums>, upper: Left, lower: Left, b: Right) {
  (*sums)[0] = subgroupMatrixMultiplyAccumulate(upper, b, (*sums)[0]);
  (*sums)[4] = subgroupMatrixMultiplyAccumulate(lower, b, (*sums)[4]);
}

fn add_column1(sums: ptr<function, Sums>, upper: Left, lower: Left, b: Right) {
  (*sums)[1] = subgroupMatrixMultiplyAccumulate(upper, b, (*sums)[1]);
  (*sums)[5] = subgroupMatrixMultiplyAccumulate(lower, b, (*sums)[5]);
}

fn add_column2(sums: ptr<function, Sums>, upper: Left, lower: Left, b: Right) {
  (*sums)[2] = subgroupMatrixMultiplyAccumulate(upper, b, (*sums)[2]);
  (*sums)[6] = subgroupMatrixMultiplyAccumulate(lower, b, (*sums)[6]);
}

fn add_column3(sums: ptr<function, Sums>, upper: Left, lower: Left, b: Right) {
  (*sums)[3] = subgroupMatrixMultiplyAccumulate(upper, b, (*sums)[3]);
  (*sums)[7] = subgroupMatrixMultiplyAccumulate(lower, b, (*sums)[7]);
}

// Adds the products of the halves in tiles a and b, and before them those of the low half of a. One matrix of b at a time:
// four of a in registers are enough.
fn multiply_tiles(sums: ptr<function, Sums>, a: u32, b: u32, low: bool) {
  let upper = left0(a);
  let lower = left1(a);
  if (low) {
    let upper_rest = left0(BLOCKS_A + a);
    let lower_rest = left1(BLOCKS_A + a);
    let b0 = right0(b);
    add_column0(sums, upper_rest, lower_rest, b0);
    add_column0(sums, upper, lower, b0);
    let b1 = right1(b);
    add_column1(sums, upper_rest, lower_rest, b1);
    add_column1(sums, upper, lower, b1);
    let b2 = right2(b);
    add_column2(sums, upper_rest, lower_rest, b2);
    add_column2(sums, upper, lower, b2);
    let b3 = right3(b);
    add_column3(sums, upper_rest, lower_rest, b3);
    add_column3(sums, upper, lower, b3);
  } else {
    add_column0(sums, upper, lower, right0(b));
    add_column1(sums, upper, lower, right1(b));
    add_column2(sums, upper, lower, right2(b));
    add_column3(sums, upper, lower, right3(b));
  }
}

fn multiply(sums: ptr<function, Sums>, a: u32, b: u32) {
  if (UNROLLED) {
    multiply_tiles(sums, a, b, SPLIT);
    if (SPLIT_B) {
      multiply_tiles(sums, a, BLOCKS_B + b, false);
    }
  } else {
    multiply_in_loops(sums, a, b);
  }
}

// The same with offsets that are not constant: a quarter of the code.
fn multiply_in_loops(sums: ptr<function, Sums>, a: u32, b: u32) {
  // Low and high, high and high, high and low.
  for (var i = 1u - u32(SPLIT); i < 2u + u32(SPLIT_B); i++) {
    let own_a = a + select(0u, BLOCKS_A, i == 0u);
    let own_b = b + select(0u, BLOCKS_B, i == 2u);
    let upper = left(own_a, 0u);
    let lower = left(own_a, 1u);
    add_column0(sums, upper, lower, right(own_b, 0u));
    add_column1(sums, upper, lower, right(own_b, 1u));
    add_column2(sums, upper, lower, right(own_b, 2u));
    add_column3(sums, upper, lower, right(own_b, 3u));
  }
}

fn left(tile: u32, part: u32) -> Left {
  if (TRANSPOSE_A) {
    return subgroupMatrixLoad<Left, col_major>(&tile_a[tile], part * UNIT_M / 8u, LINE_M);
  }
  return subgroupMatrixLoad<Left, row_major>(&tile_a[tile], part * UNIT_M * LINE_K, LINE_K);
}

fn right(tile: u32, part: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], part * UNIT_N * LINE_K, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], part * UNIT_N / 8u, LINE_N);
}

// Brings the sums to another scale of an operand.
fn rescale(sums: ptr<function, Sums>, factor: f32) {
  (*sums)[0] = subgroupMatrixScalarMultiply((*sums)[0], factor);
  (*sums)[1] = subgroupMatrixScalarMultiply((*sums)[1], factor);
  (*sums)[2] = subgroupMatrixScalarMultiply((*sums)[2], factor);
  (*sums)[3] = subgroupMatrixScalarMultiply((*sums)[3], factor);
  (*sums)[4] = subgroupMatrixScalarMultiply((*sums)[4], factor);
  (*sums)[5] = subgroupMatrixScalarMultiply((*sums)[5], factor);
  (*sums)[6] = subgroupMatrixScalarMultiply((*sums)[6], factor);
  (*sums)[7] = subgroupMatrixScalarMultiply((*sums)[7], factor);
}
