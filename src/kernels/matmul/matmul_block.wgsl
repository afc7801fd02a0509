// out = activation(scale * a b + bias) + residual, for GPUs and large products: an 8 x 8 block of the result in each lane's
// registers, so that a value read from workgroup memory serves 8 multiply-adds; the next stretch of K is fetched while
// this one is multiplied.
//
// Shapes    as operands.wgsl and epilogue.wgsl have them
// Dispatch  one workgroup of 2 * WIDTH per HEIGHT rows and WIDTH columns of out. Along K, DEPTH at a time, lanes copy 4 x 4
//           blocks of a and of b into workgroup memory (16 KiB), where rows (columns) lie in vectors of four. A lane's rows
//           are 4 upper .. + 3 and those half a tile below, its columns 4 own .. + 3 and those half a tile further.
// Saved for backward: preactivation, on request

#include "operands.wgsl"
#include "blocks.wgsl"
#include "epilogue.wgsl"
#include "../parts/workgroup_main.wgsl"

override WIDTH: u32 = 128u; // columns of a workgroup: 64 or 128
override WORKGROUP: u32 = 2u * WIDTH;
override UNROLLED: bool = true; // for compilers of GPUs; a software adapter's takes a minute for it

const HEIGHT = 128u; // rows of a workgroup
const DEPTH = 16u; // of K at a time
const LANE_COLUMNS = 8u; // and rows
const ROW_QUADS = HEIGHT / 4u;
const MOST_COLUMN_QUADS = 128u / 4u;
const WORKGROUP_ROWS = 8u; // of a tile, that one vector of each of 256 lanes fills

// [k][row / 4] and [k][column / 4], the last index swizzled (`place`). Arrays of arrays and an unrolled loop over k: the
// compiler knows the first index, so it is neither multiplied nor held within bounds.
var<workgroup> tile_a: array<array<vec4f, ROW_QUADS>, DEPTH>;
var<workgroup> tile_b: array<array<vec4f, MOST_COLUMN_QUADS>, DEPTH>;

// The lane's sums: rows of the upper and the lower half, each with its columns of the left and the right half; a column of
// a matrix is a row of the result. Only indexed by constants, so they live in registers.
var<private> upper_left: mat4x4f;
var<private> upper_right: mat4x4f;
var<private> lower_left: mat4x4f;
var<private> lower_right: mat4x4f;

// Where quad of row k lies: lanes that write a block's four values of k at once do not meet in one memory bank.
fn place(k: u32, quad: u32) -> u32 {
  return quad ^ (k / 4u * 2u);
}

// Blocks of the operands, a column for each k; 0 past the last.
fn fetch_a(base: u32, m: u32, k: u32) -> mat4x4f {
  if (k >= params.K) {
    return mat4x4f();
  }
  return transpose(block_a(base, m, k));
}

fn fetch_b(base: u32, k: u32, n: u32) -> mat4x4f {
  if (k >= params.K) {
    return mat4x4f();
  }
  return block_b(base, k, n);
}

// Puts a block into a tile: column j of it belongs to row k + j.
fn put_a(k: u32, quad: u32, values: mat4x4f) {
  tile_a[k][place(k, quad)] = values[0];
  tile_a[k + 1u][place(k, quad)] = values[1];
  tile_a[k + 2u][place(k, quad)] = values[2];
  tile_a[k + 3u][place(k, quad)] = values[3];
}

fn put_b(k: u32, quad: u32, values: mat4x4f) {
  tile_b[k][place(k, quad)] = values[0];
  tile_b[k + 1u][place(k, quad)] = values[1];
  tile_b[k + 2u][place(k, quad)] = values[2];
  tile_b[k + 3u][place(k, quad)] = values[3];
}

// Adds the outer product of row k of both tiles.
fn multiply(k: u32, upper: u32, own: u32) {
  let top = tile_a[k][place(k, upper)];
  let bottom = tile_a[k][place(k, upper + ROW_QUADS / 2u)];
  let left = tile_b[k][place(k, own)];
  let right = tile_b[k][place(k, own + WIDTH / LANE_COLUMNS)];
  upper_left[0] = fma(vec4f(top.x), left, upper_left[0]);
  upper_left[1] = fma(vec4f(top.y), left, upper_left[1]);
  upper_left[2] = fma(vec4f(top.z), left, upper_left[2]);
  upper_left[3] = fma(vec4f(top.w), left, upper_left[3]);
  upper_right[0] = fma(vec4f(top.x), right, upper_right[0]);
  upper_right[1] = fma(vec4f(top.y), right, upper_right[1]);
  upper_right[2] = fma(vec4f(top.z), right, upper_right[2]);
  upper_right[3] = fma(vec4f(top.w), right, upper_right[3]);
  lower_left[0] = fma(vec4f(bottom.x), left, lower_left[0]);
  lower_left[1] = fma(vec4f(bottom.y), left, lower_left[1]);
  lower_left[2] = fma(vec4f(bottom.z), left, lower_left[2]);
  lower_left[3] = fma(vec4f(bottom.w), left, lower_left[3]);
  lower_right[0] = fma(vec4f(bottom.x), right, lower_right[0]);
  lower_right[1] = fma(vec4f(bottom.y), right, lower_right[1]);
  lower_right[2] = fma(vec4f(bottom.z), right, lower_right[2]);
  lower_right[3] = fma(vec4f(bottom.w), right, lower_right[3]);
}

// Finishes four neighbours in a row of the result.
fn store_quad(batch: u32, m: u32, n: u32, sums: vec4f) {
  if (m < params.M && n < params.N) {
    let count = remaining(n, params.N);
    var own_bias = vec4f();
    if (params.has_bias != 0u) {
      own_bias = bias_four(m, n, count);
    }
    store_four(out_index(batch, m, n), count, params.scale * sums, own_bias);
  }
}

// One of the four matrices of the lane's sums.
fn sums_of(part: u32) -> mat4x4f {
  switch part {
    case 0u: { return upper_left; }
    case 1u: { return upper_right; }
    case 2u: { return lower_left; }
    default: { return lower_right; }
  }
}

fn tiles_m() -> u32 {
  return (params.M + HEIGHT - 1u) / HEIGHT;
}

fn tiles_n() -> u32 {
  return (params.N + WIDTH - 1u) / WIDTH;
}

fn tasks() -> u32 {
  return params.batch * tiles_m() * tiles_n();
}

fn task(i: u32, lane: u32) {
  let batch = i / tiles_m() / tiles_n();
  let row = i % tiles_m() * HEIGHT;
  let column = i / tiles_m() % tiles_n() * WIDTH;
  let base_a = batch * params.batch_stride_a;
  let base_b = batch * params.batch_stride_b;
  // The first 128 lanes copy a's blocks, the last WIDTH b's: with WIDTH 64 all lanes copy a's, half of them b's too.
  // Neighbouring lanes copy neighbours in memory: along K, or along the rows of a, the columns of b.
  let along = DEPTH / 4u;
  let copies_a = lane < HEIGHT;
  let quad_a = select(lane / along, lane % ROW_QUADS, TRANSPOSE_A);
  let k_a = 4u * select(lane % along, lane / ROW_QUADS, TRANSPOSE_A);
  let copies_b = lane >= WIDTH;
  let lane_b = lane - WIDTH;
  let quad_b = select(lane_b % (WIDTH / 4u), lane_b / along, TRANSPOSE_B);
  let k_b = 4u * select(lane_b / (WIDTH / 4u), lane_b % along, TRANSPOSE_B);
  // Lines past the end repeat the last vector: their sums are not stored.
  let m = min(row + 4u * quad_a, (params.M - 1u) / 4u * 4u);
  let n = min(column + 4u * quad_b, (params.N - 1u) / 4u * 4u);
  let upper = lane / (WIDTH / LANE_COLUMNS);
  let own = lane % (WIDTH / LANE_COLUMNS);

  // The block that a lane copies next. Where it copies one of each, that of b is not fetched early: two would not fit into
  // the registers that four warps of a scheduler share.
  var next = mat4x4f();
  for (var k = 0u; k < params.K + DEPTH; k += DEPTH) {
    if (k > 0u) {
      workgroupBarrier();
      if (copies_a) {
        put_a(k_a, quad_a, next);
      } else if (WIDTH == HEIGHT) {
        put_b(k_b, quad_b, next);
      }
      if (WIDTH != HEIGHT && copies_b) {
        put_b(k_b, quad_b, fetch_b(base_b, k - DEPTH + k_b, n));
      }
      workgroupBarrier();
    }
    if (copies_a) {
      next = fetch_a(base_a, m, k + k_a);
    } else if (WIDTH == HEIGHT) {
      next = fetch_b(base_b, k + k_b, n);
    }
    if (k > 0u) {
      if (UNROLLED) {
        multiply(0u, upper, own);
        multiply(1u, upper, own);
        multiply(2u, upper, own);
        multiply(3u, upper, own);
        multiply(4u, upper, own);
        multiply(5u, upper, own);
        multiply(6u, upper, own);
        multiply(7u, upper, own);
        multiply(8u, upper, own);
        multiply(9u, upper, own);
        multiply(10u, upper, own);
        multiply(11u, upper, own);
        multiply(12u, upper, own);
        multiply(13u, upper, own);
        multiply(14u, upper, own);
        multiply(15u, upper, own);
      } else {
        for (var d = 0u; d < DEPTH; d++) {
          multiply(d, upper, own);
        }
      }
    }
  }

  // Each lane puts its sums where it can index them by a variable: what it reads there it wrote itself, once the others
  // are done with the tiles. One copy of the code that finishes them, instead of sixteen.
  workgroupBarrier();
  for (var part = 0u; part < 4u; part++) {
    let sums = sums_of(part);
    let k = lane / ROW_QUADS;
    let quad = lane % ROW_QUADS;
    tile_a[k][quad] = sums[0];
    tile_a[k + WORKGROUP_ROWS][quad] = sums[1];
    tile_b[k][quad] = sums[2];
    tile_b[k + WORKGROUP_ROWS][quad] = sums[3];
    let m_out = row + 4u * upper + part / 2u * (HEIGHT / 2u);
    let n_out = column + 4u * own + part % 2u * (WIDTH / 2u);
    for (var r = 0u; r < 4u; r++) {
      let line = k + r % 2u * WORKGROUP_ROWS;
      store_quad(batch, m_out + r, n_out, select(tile_b[line][quad], tile_a[line][quad], r < 2u));
    }
  }
}
