// out = activation(scale * a b + bias) + residual, for GPUs and for adapters without subgroups: tiles in workgroup
// memory.
//
// Shapes    a [batch, M, K] ([batch, K, M] with TRANSPOSE_A), b [batch, K, N] ([batch, N, K] with TRANSPOSE_B),
//           bias [N], residual, preactivation and out [batch, M, N]; batch strides are 0 for an operand that is shared
// Dispatch  one workgroup of LANES * SLICES per TILE x TILE tile of out. A slice walks every SLICES-th stretch of K, TILE
//           / 2 long: each of its lanes copies one 4 x 4 block of a and one of b into workgroup memory, and owns 8 rows
//           and 4 columns. The slices' sums are added in order. 64 and 1: for large products; 32 and 4: where there are
//           too few tiles to keep a GPU busy. 16 KiB of workgroup memory in both cases.
// Saved for backward: preactivation, on request

override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
override B_TYPE: u32 = 0u; // F32: in b; F16, INT8: in b_packed
override VECTOR: bool = false; // K and the contiguous dimensions are multiples of 4
const F32 = 0u;
const F16 = 1u;
const INT8 = 2u; // rows of int8, then a scale for each row
override TILE: u32 = 64u; // rows and columns of a workgroup
override SLICES: u32 = 1u;
override DEPTH: u32 = TILE / 2u; // a slice's stretch of K in workgroup memory
override QUADS: u32 = TILE / 4u; // vectors of 4 across a tile
override LANES: u32 = TILE * TILE / 32u; // of a slice
override VECTORS: u32 = DEPTH * QUADS; // of an operand's tile
override WORKGROUP: u32 = LANES * SLICES;

struct Params {
  M: u32,
  N: u32,
  K: u32,
  batch: u32,
  batch_stride_a: u32,
  batch_stride_b: u32,
  scale: f32,
  has_bias: u32,
  has_residual: u32,
  quickgelu: u32,
  save_preactivation: u32,
  b_scales: u32, // the word of an int8 b where the scales of its rows begin
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> b_packed: array<vec2u>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> preactivation: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

// tile_a[slice][k][row / 4] and tile_b[slice][k][column / 4], the last index swizzled so that the lanes that write a
// tile's columns do not meet in one memory bank.
var<workgroup> tile_a: array<vec4f, VECTORS * SLICES>;
var<workgroup> tile_b: array<vec4f, VECTORS * SLICES>;

fn place(slice: u32, k: u32, quad: u32) -> u32 {
  return slice * VECTORS + k * QUADS + (quad ^ (k / 4u));
}

/** Four neighbours of a from its element i on; the scalar path reads 0 for those from `count` on. */
fn load_a(i: u32, count: u32) -> vec4f {
  if (VECTOR) {
    return a[i / 4u];
  }
  var values = vec4f();
  for (var j = 0u; j < count; j++) {
    values[j] = a[(i + j) / 4u][(i + j) % 4u];
  }
  return values;
}

/** Four neighbours in b_packed, from element i on, i a multiple of 4; int8 values still without their row's scale. */
fn unpack_b(i: u32) -> vec4f {
  if (B_TYPE == F16) {
    let halves = b_packed[i / 4u];
    return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));
  }
  let bytes = vec4u(b_packed[i / 8u][i / 4u % 2u]) << vec4u(24u, 16u, 8u, 0u);
  return vec4f(bitcast<vec4i>(bytes) >> vec4u(24u));
}

fn load_b(i: u32, count: u32) -> vec4f {
  if (VECTOR) {
    if (B_TYPE == F32) {
      return b[i / 4u];
    }
    return unpack_b(i);
  }
  var values = vec4f();
  for (var j = 0u; j < count; j++) {
    let at = i + j;
    if (B_TYPE == F32) {
      values[j] = b[at / 4u][at % 4u];
    } else {
      values[j] = unpack_b(at / 4u * 4u)[at % 4u];
    }
  }
  return values;
}

/** The scale of a row of an int8 b, as it is stored. */
fn scale_b(row: u32) -> f32 {
  let word = params.b_scales + row;
  return bitcast<f32>(b_packed[word / 2u][word % 2u]);
}

/** How many of four neighbours from `start` on are below `end`. */
fn remaining(start: u32, end: u32) -> u32 {
  return min(4u, max(start, end) - start);
}

fn line_b(start: u32, line: u32, end: u32, stride: u32, count: u32) -> vec4f {
  let values = load_b(start + min(line, end) * stride, select(0u, count, line <= end));
  if (B_TYPE == INT8) {
    return values * scale_b(min(line, end));
  }
  return values;
}

/** b[k .. k + 3, n .. n + 3], a column per k; what lies outside of b is 0, or repeats b where it is never stored. */
fn block_b(base: u32, k: u32, n: u32) -> mat4x4f {
  let end = select(params.K, params.N, TRANSPOSE_B) - 1u;
  let line = select(k, n, TRANSPOSE_B);
  let start = base + select(n, k, TRANSPOSE_B);
  let stride = select(params.N, params.K, TRANSPOSE_B);
  let count = select(remaining(n, params.N), remaining(k, params.K), TRANSPOSE_B);
  let lines = mat4x4f(
    line_b(start, line, end, stride, count),
    line_b(start, line + 1u, end, stride, count),
    line_b(start, line + 2u, end, stride, count),
    line_b(start, line + 3u, end, stride, count)
  );
  if (TRANSPOSE_B) {
    return transpose(lines);
  }
  return lines;
}

fn line_a(start: u32, line: u32, end: u32, stride: u32, count: u32) -> vec4f {
  return load_a(start + min(line, end) * stride, select(0u, count, line <= end));
}

/** a[m .. m + 3, k .. k + 3], a column per row; what lies outside of a is 0, or repeats a where it is never stored. */
fn block_a(base: u32, m: u32, k: u32) -> mat4x4f {
  let end = select(params.M, params.K, TRANSPOSE_A) - 1u;
  let line = select(m, k, TRANSPOSE_A);
  let start = base + select(k, m, TRANSPOSE_A);
  let stride = select(params.K, params.M, TRANSPOSE_A);
  let count = select(remaining(k, params.K), remaining(m, params.M), TRANSPOSE_A);
  let lines = mat4x4f(
    line_a(start, line, end, stride, count),
    line_a(start, line + 1u, end, stride, count),
    line_a(start, line + 2u, end, stride, count),
    line_a(start, line + 3u, end, stride, count)
  );
  if (TRANSPOSE_A) {
    return transpose(lines);
  }
  return lines;
}

fn store(i: u32, column: u32, sum: f32) {
  var value = params.scale * sum;
  if (params.has_bias != 0u) {
    value += bias[column];
  }
  if (params.save_preactivation != 0u) {
    preactivation[i] = value;
  }
  if (params.quickgelu != 0u) {
    value /= 1.0 + exp(min(-1.702 * value, 87.0)); // exp(89) overflows
  }
  if (params.has_residual != 0u) {
    value += residual[i];
  }
  out[i] = value;
}

/** Adds the other slices' sums to the first slice's: two of four columns of a lane's block at a time. */
fn sum_slices(sums: array<mat4x4f, 2>, slice: u32, lane: u32) -> array<mat4x4f, 2> {
  var total = sums;
  for (var r = 0u; r < 8u; r += 2u) {
    workgroupBarrier();
    tile_a[slice * LANES + lane] = sums[r / 4u][r % 4u];
    tile_b[slice * LANES + lane] = sums[r / 4u][r % 4u + 1u];
    workgroupBarrier();
    if (slice == 0u) {
      for (var other = 1u; other < SLICES; other++) {
        total[r / 4u][r % 4u] += tile_a[other * LANES + lane];
        total[r / 4u][r % 4u + 1u] += tile_b[other * LANES + lane];
      }
    }
  }
  return total;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let i = group.y * groups.x + group.x;
  let tiles_m = (params.M + TILE - 1u) / TILE;
  let tiles_n = (params.N + TILE - 1u) / TILE;
  let batch = i / tiles_m / tiles_n;
  if (batch >= params.batch) {
    return;
  }
  let slice = invocation / LANES;
  let lane = invocation % LANES;
  let row = i % tiles_m * TILE;
  let column = i / tiles_m % tiles_n * TILE;
  let base_a = batch * params.batch_stride_a;
  let base_b = batch * params.batch_stride_b;
  // Neighbouring lanes copy neighbours in memory: along K, or along the rows of a, the columns of b.
  let along = DEPTH / 4u;
  let quad_a = select(lane / along, lane % QUADS, TRANSPOSE_A);
  let k_a = 4u * select(lane % along, lane / QUADS, TRANSPOSE_A);
  let quad_b = select(lane % QUADS, lane / along, TRANSPOSE_B);
  let k_b = 4u * select(lane / QUADS, lane % along, TRANSPOSE_B);
  // Lines past the end repeat the last vector: their sums are not stored.
  let m = min(row + 4u * quad_a, (params.M - 1u) / 4u * 4u);
  let n = min(column + 4u * quad_b, (params.N - 1u) / 4u * 4u);
  // The lane's rows are 4 upper .. 4 upper + 3 and those half a tile below.
  let upper = lane / QUADS;
  let own = lane % QUADS;

  // Column j holds row j of the four.
  var sum0 = mat4x4f();
  var sum1 = mat4x4f();
  for (var stretch = 0u; stretch < params.K; stretch += DEPTH * SLICES) {
    let k = stretch + slice * DEPTH;
    var from_a = mat4x4f();
    var from_b = mat4x4f();
    if (k + k_a < params.K) {
      from_a = transpose(block_a(base_a, m, k + k_a));
    }
    if (k + k_b < params.K) {
      from_b = block_b(base_b, k + k_b, n);
    }
    workgroupBarrier();
    for (var j = 0u; j < 4u; j++) {
      tile_a[place(slice, k_a + j, quad_a)] = from_a[j];
      tile_b[place(slice, k_b + j, quad_b)] = from_b[j];
    }
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      let a0 = tile_a[place(slice, d, upper)];
      let a1 = tile_a[place(slice, d, upper + QUADS / 2u)];
      let columns = tile_b[place(slice, d, own)];
      sum0[0] += a0.x * columns;
      sum0[1] += a0.y * columns;
      sum0[2] += a0.z * columns;
      sum0[3] += a0.w * columns;
      sum1[0] += a1.x * columns;
      sum1[1] += a1.y * columns;
      sum1[2] += a1.z * columns;
      sum1[3] += a1.w * columns;
    }
  }

  // A copy, since indexing by a variable would keep the sums themselves out of registers.
  var sums = array<mat4x4f, 2>(sum0, sum1);
  if (SLICES > 1u) {
    sums = sum_slices(sums, slice, lane);
  }
  if (slice > 0u) {
    return;
  }
  for (var r = 0u; r < 8u; r++) {
    let m_out = row + 4u * upper + r % 4u + r / 4u * (TILE / 2u);
    for (var j = 0u; j < 4u; j++) {
      let n_out = column + 4u * own + j;
      if (m_out < params.M && n_out < params.N) {
        store((batch * params.M + m_out) * params.N + n_out, n_out, sums[r / 4u][r % 4u][j]);
      }
    }
  }
}
