// Multiplies the matrices of two tiles in workgroup memory and adds them to a subgroup's block of the result.
//
// Includer  units.wgsl

alias Left = subgroup_matrix_left<f16, UNIT_K, UNIT_M>;
alias Right = subgroup_matrix_right<f16, UNIT_N, UNIT_K>;
alias Sum = subgroup_matrix_result<f32, UNIT_N, UNIT_M>;

// Matrices of a tile: part 0, 1 along the rows of a block of a, 0 to 3 along the columns of one of b; step 0, 1 along K.
// One function each: an offset that is a parameter would be held within bounds, and loaded in scalars.
fn left00(tile: u32) -> Left {
  if (TRANSPOSE_A) {
    return subgroupMatrixLoad<Left, col_major>(&tile_a[tile], 0u * UNIT_K * LINE_M + 0u * UNIT_M / 8u, LINE_M);
  }
  return subgroupMatrixLoad<Left, row_major>(&tile_a[tile], 0u * UNIT_M * LINE_K + 0u * UNIT_K / 8u, LINE_K);
}

fn left01(tile: u32) -> Left {
  if (TRANSPOSE_A) {
    return subgroupMatrixLoad<Left, col_major>(&tile_a[tile], 1u * UNIT_K * LINE_M + 0u * UNIT_M / 8u, LINE_M);
  }
  return subgroupMatrixLoad<Left, row_major>(&tile_a[tile], 0u * UNIT_M * LINE_K + 1u * UNIT_K / 8u, LINE_K);
}

fn left10(tile: u32) -> Left {
  if (TRANSPOSE_A) {
    return subgroupMatrixLoad<Left, col_major>(&tile_a[tile], 0u * UNIT_K * LINE_M + 1u * UNIT_M / 8u, LINE_M);
  }
  return subgroupMatrixLoad<Left, row_major>(&tile_a[tile], 1u * UNIT_M * LINE_K + 0u * UNIT_K / 8u, LINE_K);
}

fn left11(tile: u32) -> Left {
  if (TRANSPOSE_A) {
    return subgroupMatrixLoad<Left, col_major>(&tile_a[tile], 1u * UNIT_K * LINE_M + 1u * UNIT_M / 8u, LINE_M);
  }
  return subgroupMatrixLoad<Left, row_major>(&tile_a[tile], 1u * UNIT_M * LINE_K + 1u * UNIT_K / 8u, LINE_K);
}

fn right00(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 0u * UNIT_N * LINE_K + 0u * UNIT_K / 8u, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 0u * UNIT_K * LINE_N + 0u * UNIT_N / 8u, LINE_N);
}

fn right01(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 0u * UNIT_N * LINE_K + 1u * UNIT_K / 8u, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 1u * UNIT_K * LINE_N + 0u * UNIT_N / 8u, LINE_N);
}

fn right10(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 1u * UNIT_N * LINE_K + 0u * UNIT_K / 8u, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 0u * UNIT_K * LINE_N + 1u * UNIT_N / 8u, LINE_N);
}

fn right11(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 1u * UNIT_N * LINE_K + 1u * UNIT_K / 8u, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 1u * UNIT_K * LINE_N + 1u * UNIT_N / 8u, LINE_N);
}

fn right20(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 2u * UNIT_N * LINE_K + 0u * UNIT_K / 8u, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 0u * UNIT_K * LINE_N + 2u * UNIT_N / 8u, LINE_N);
}

fn right21(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 2u * UNIT_N * LINE_K + 1u * UNIT_K / 8u, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 1u * UNIT_K * LINE_N + 2u * UNIT_N / 8u, LINE_N);
}

fn right30(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 3u * UNIT_N * LINE_K + 0u * UNIT_K / 8u, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 0u * UNIT_K * LINE_N + 3u * UNIT_N / 8u, LINE_N);
}

fn right31(tile: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], 3u * UNIT_N * LINE_K + 1u * UNIT_K / 8u, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], 1u * UNIT_K * LINE_N + 3u * UNIT_N / 8u, LINE_N);
}

// A subgroup's block of the result, row by row.
alias Sums = array<Sum, 8>;

fn add_upper(sums: ptr<function, Sums>, x: Left, b0: Right, b1: Right, b2: Right, b3: Right) {
  (*sums)[0] = subgroupMatrixMultiplyAccumulate(x, b0, (*sums)[0]);
  (*sums)[1] = subgroupMatrixMultiplyAccumulate(x, b1, (*sums)[1]);
  (*sums)[2] = subgroupMatrixMultiplyAccumulate(x, b2, (*sums)[2]);
  (*sums)[3] = subgroupMatrixMultiplyAccumulate(x, b3, (*sums)[3]);
}

fn add_lower(sums: ptr<function, Sums>, x: Left, b0: Right, b1: Right, b2: Right, b3: Right) {
  (*sums)[4] = subgroupMatrixMultiplyAccumulate(x, b0, (*sums)[4]);
  (*sums)[5] = subgroupMatrixMultiplyAccumulate(x, b1, (*sums)[5]);
  (*sums)[6] = subgroupMatrixMultiplyAccumulate(x, b2, (*sums)[6]);
  (*sums)[7] = subgroupMatrixMultiplyAccumulate(x, b3, (*sums)[7]);
}

// Adds the products of the first UNIT_K of a stretch: of the halves in tiles a and b, and those of the low half of a.
fn multiply0(sums: ptr<function, Sums>, a: u32, b: u32, low: bool) {
  let b0 = right00(b);
  let b1 = right10(b);
  let b2 = right20(b);
  let b3 = right30(b);
  if (low) {
    add_upper(sums, left00(BLOCKS_A + a), b0, b1, b2, b3);
    add_lower(sums, left10(BLOCKS_A + a), b0, b1, b2, b3);
  }
  add_upper(sums, left00(a), b0, b1, b2, b3);
  add_lower(sums, left10(a), b0, b1, b2, b3);
}

// And of the second.
fn multiply1(sums: ptr<function, Sums>, a: u32, b: u32, low: bool) {
  let b0 = right01(b);
  let b1 = right11(b);
  let b2 = right21(b);
  let b3 = right31(b);
  if (low) {
    add_upper(sums, left01(BLOCKS_A + a), b0, b1, b2, b3);
    add_lower(sums, left11(BLOCKS_A + a), b0, b1, b2, b3);
  }
  add_upper(sums, left01(a), b0, b1, b2, b3);
  add_lower(sums, left11(a), b0, b1, b2, b3);
}

fn multiply(sums: ptr<function, Sums>, a: u32, b: u32) {
  if (UNROLLED) {
    multiply0(sums, a, b, SPLIT);
    multiply1(sums, a, b, SPLIT);
    if (SPLIT_B) {
      multiply0(sums, a, BLOCKS_B + b, false);
      multiply1(sums, a, BLOCKS_B + b, false);
    }
  } else {
    multiply_in_loops(sums, a, b);
  }
}

// The same with offsets that are not constant: a quarter of the code.
fn multiply_in_loops(sums: ptr<function, Sums>, a: u32, b: u32) {
  // Low and high, high and high, high and low.
  for (var i = 2u - 2u * u32(SPLIT); i < 4u + 2u * u32(SPLIT_B); i++) {
    let own_a = a + select(0u, BLOCKS_A, i < 2u);
    let own_b = b + select(0u, BLOCKS_B, i > 3u);
    let step = i % 2u;
    let b0 = right(own_b, 0u, step);
    let b1 = right(own_b, 1u, step);
    let b2 = right(own_b, 2u, step);
    let b3 = right(own_b, 3u, step);
    add_upper(sums, left(own_a, 0u, step), b0, b1, b2, b3);
    add_lower(sums, left(own_a, 1u, step), b0, b1, b2, b3);
  }
}

fn left(tile: u32, part: u32, step: u32) -> Left {
  if (TRANSPOSE_A) {
    return subgroupMatrixLoad<Left, col_major>(&tile_a[tile], step * UNIT_K * LINE_M + part * UNIT_M / 8u, LINE_M);
  }
  return subgroupMatrixLoad<Left, row_major>(&tile_a[tile], part * UNIT_M * LINE_K + step * UNIT_K / 8u, LINE_K);
}

fn right(tile: u32, part: u32, step: u32) -> Right {
  if (TRANSPOSE_B) {
    return subgroupMatrixLoad<Right, col_major>(&tile_b[tile], part * UNIT_N * LINE_K + step * UNIT_K / 8u, LINE_K);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile_b[tile], step * UNIT_K * LINE_N + part * UNIT_N / 8u, LINE_N);
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
