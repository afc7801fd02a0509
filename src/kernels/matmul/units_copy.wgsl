// Copies stretches of a product's operands into workgroup memory as f16, a value that f16 does not hold as two halves.
//
// Includer  units.wgsl

// Eight neighbours of an operand: the bits of eight f32, or eight f16 in `first`.
struct Eight {
  first: vec4u,
  second: vec4u,
}

// What a lane copies next. Variables of their own: in arrays they would be in memory wherever a compiler leaves a loop as
// it is, and each would be waited for before the next is fetched.
var<private> next_a0: Eight;
var<private> next_a1: Eight;
var<private> next_b0: Eight;
var<private> next_b1: Eight;

// Where eight neighbours of a workgroup's copy lie.
struct Spot {
  tile: u32,
  element: u32, // of the tile
  across: u32, // row of a or column of b, from the workgroup's first on
  k: u32, // from the stretch's begin on
}

// Neighbouring lanes copy neighbours in memory.
// number of the eight; blocks: those side by side in a slice; size: their rows or columns; line: of those across K
fn spot(number: u32, blocks: u32, size: u32, line: u32, along_k: bool) -> Spot {
  if (along_k) {
    let eight = number % (DEPTH / 8u);
    let all = number / (DEPTH / 8u);
    let tile = all / size;
    let element = all % size * LINE_K + eight;
    let slice = tile / blocks;
    let across = all - slice * blocks * size;
    return Spot(tile, element, across, slice * DEPTH + 8u * eight);
  }
  let eights = size / 8u;
  let eight = number % (blocks * eights);
  let k = number / (blocks * eights);
  let tile = k / DEPTH * blocks + eight / eights;
  let element = k % DEPTH * line + eight % eights;
  return Spot(tile, element, 8u * eight, k);
}

fn spot_a(number: u32) -> Spot {
  return spot(number, ROWS, BLOCK_M, LINE_M, !TRANSPOSE_A);
}

fn spot_b(number: u32) -> Spot {
  return spot(number, COLUMNS, BLOCK_N, LINE_N, TRANSPOSE_B);
}

// Four of a from [m, k] on, along K or along the rows; what lies past K is 0, what lies past the rows is never stored.
fn four_of_a(base: u32, m: u32, k: u32) -> vec4f {
  if (!WHOLE && k >= params.K) {
    return vec4f();
  }
  if (TRANSPOSE_A) {
    let own_m = min(m, (params.M - 1u) / 4u * 4u);
    let values = load_a(base + k * params.M + own_m, remaining(own_m, params.M));
    if (B_TYPE == INT8 && !TRANSPOSE_B) {
      return values * scale_b(k);
    }
    return values;
  }
  let values = load_a(base + min(m, params.M - 1u) * params.K + k, remaining(k, params.K));
  if (B_TYPE == INT8 && !TRANSPOSE_B) {
    return values * scales_b(k);
  }
  return values;
}

// The scales of rows k .. k + 3 of an int8 b, where they go along K; 0 past the last.
fn scales_b(k: u32) -> vec4f {
  var scales = vec4f();
  for (var j = 0u; j < remaining(k, params.K); j++) {
    scales[j] = scale_b(k + j);
  }
  return scales;
}

// Where four of b from [k, n] on begin; along K or along the columns.
fn index_b(base: u32, k: u32, n: u32) -> u32 {
  if (TRANSPOSE_B) {
    return base + min(n, params.N - 1u) * params.K + k;
  }
  return base + k * params.N + min(n, (params.N - 1u) / 4u * 4u);
}

fn four_of_b(base: u32, k: u32, n: u32) -> vec4f {
  if (!WHOLE && k >= params.K) {
    return vec4f();
  }
  let count = select(remaining(min(n, (params.N - 1u) / 4u * 4u), params.N), remaining(k, params.K), TRANSPOSE_B);
  return load_b(index_b(base, k, n), count);
}

fn halves_of_b(base: u32, k: u32, n: u32) -> vec2u {
  if (B_TYPE == F16 && VECTOR) {
    if (!WHOLE && k >= params.K) {
      return vec2u();
    }
    return b_packed[index_b(base, k, n) / 4u];
  }
  return halves(four_of_b(base, k, n));
}

fn halves(values: vec4f) -> vec2u {
  return vec2u(pack2x16float(values.xy), pack2x16float(values.zw));
}

// The values to the nearest of 11 bits, which f16 holds as they are. By bits: a compiler that knows what packing and
// unpacking do to a value may leave both out, and the rest would be 0 (NVIDIA's does).
fn high_of(values: vec4f) -> vec4f {
  return bitcast<vec4f>((bitcast<vec4u>(values) + 0x1000u) & vec4u(0xffffe000u));
}

// Eight values as halves, and what those leave.
fn halves_of(first: vec4f, second: vec4f) -> vec4u {
  if (SPLIT) {
    return vec4u(halves(high_of(first)), halves(high_of(second)));
  }
  return vec4u(halves(first), halves(second));
}

fn rest_of(first: vec4f, second: vec4f) -> vec4u {
  return vec4u(halves(first - high_of(first)), halves(second - high_of(second)));
}

fn eight_of_a(i: u32, base: u32, row: u32, stretch: u32, lane: u32) -> Eight {
  let at = spot_a(lane + i * WORKGROUP);
  let m = row + at.across;
  let k = stretch + at.k;
  let next_m = select(m, m + 4u, TRANSPOSE_A);
  let next_k = select(k + 4u, k, TRANSPOSE_A);
  return Eight(bitcast<vec4u>(four_of_a(base, m, k)), bitcast<vec4u>(four_of_a(base, next_m, next_k)));
}

fn eight_of_b(i: u32, base: u32, column: u32, stretch: u32, lane: u32) -> Eight {
  let at = spot_b(lane + i * WORKGROUP);
  let n = column + at.across;
  let k = stretch + at.k;
  let next_n = select(n + 4u, n, TRANSPOSE_B);
  let next_k = select(k, k + 4u, TRANSPOSE_B);
  if (B_TYPE == F32) {
    return Eight(bitcast<vec4u>(four_of_b(base, k, n)), bitcast<vec4u>(four_of_b(base, next_k, next_n)));
  }
  return Eight(vec4u(halves_of_b(base, k, n), halves_of_b(base, next_k, next_n)), vec4u());
}

fn fetch_a(base: u32, row: u32, stretch: u32, lane: u32) {
  next_a0 = eight_of_a(0u, base, row, stretch, lane);
  if (EIGHTS_A > 1u) {
    next_a1 = eight_of_a(1u, base, row, stretch, lane);
  }
}

fn fetch_b(base: u32, column: u32, stretch: u32, lane: u32) {
  next_b0 = eight_of_b(0u, base, column, stretch, lane);
  if (EIGHTS_B > 1u) {
    next_b1 = eight_of_b(1u, base, column, stretch, lane);
  }
}

fn fetch(base_a: u32, base_b: u32, row: u32, column: u32, stretch: u32, lane: u32) {
  fetch_a(base_a, row, stretch, lane);
  fetch_b(base_b, column, stretch, lane);
}

fn put_eight_a(i: u32, lane: u32, up: f32, values: Eight) {
  let at = spot_a(lane + i * WORKGROUP);
  let first = bitcast<vec4f>(values.first) * up;
  let second = bitcast<vec4f>(values.second) * up;
  tile_a[at.tile][at.element] = halves_of(first, second);
  if (SPLIT) {
    tile_a[BLOCKS_A + at.tile][at.element] = rest_of(first, second);
  }
}

fn put_eight_b(i: u32, lane: u32, up: f32, values: Eight) {
  let at = spot_b(lane + i * WORKGROUP);
  if (B_TYPE == F32) {
    let first = bitcast<vec4f>(values.first) * up;
    let second = bitcast<vec4f>(values.second) * up;
    tile_b[at.tile][at.element] = halves_of(first, second);
    if (SPLIT) {
      tile_b[BLOCKS_B + at.tile][at.element] = rest_of(first, second);
    }
  } else {
    tile_b[at.tile][at.element] = values.first;
  }
}

fn put_a(up: f32, lane: u32) {
  put_eight_a(0u, lane, up, next_a0);
  if (EIGHTS_A > 1u) {
    put_eight_a(1u, lane, up, next_a1);
  }
}

fn put_b(up: f32, lane: u32) {
  put_eight_b(0u, lane, up, next_b0);
  if (EIGHTS_B > 1u) {
    put_eight_b(1u, lane, up, next_b1);
  }
}
