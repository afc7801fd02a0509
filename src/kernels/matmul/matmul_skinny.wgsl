// out = activation(scale * a b + bias) + residual where one side of out is short: the lanes share out K.
//
// Shapes    a [batch, M, K] ([batch, K, M] with TRANSPOSE_A), b [batch, K, N] ([batch, N, K] with TRANSPOSE_B),
//           bias [N], residual, preactivation and out [batch, M, N]; batch strides are 0 for an operand that is shared.
//           M is short. For a short N the host swaps the operands and the strides of out and bias.
// Dispatch  one workgroup of PARTS * QUADS per 4 rows and 4 * QUADS columns of out; lane l owns the columns
//           4 (l % QUADS) .. + 3 and every PARTS-th four of K. The parts are added up in workgroup memory, in order.
// Saved for backward: preactivation, on request

override WORKGROUP: u32 = 64u; // PARTS * QUADS
override QUADS: u32 = 1u;
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
override B_TYPE: u32 = 0u; // F32: in b; F16, INT8: in b_packed
override VECTOR: bool = false; // K and the contiguous dimensions are multiples of 4
const F32 = 0u;
const F16 = 1u;
const INT8 = 2u; // rows of int8, then a scale for each row

struct Params {
  M: u32,
  N: u32,
  K: u32,
  batch: u32,
  batch_stride_a: u32,
  batch_stride_b: u32,
  out_stride_m: u32,
  out_stride_n: u32,
  scale: f32,
  bias_stride_m: u32,
  bias_stride_n: u32,
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

var<workgroup> partial: array<mat4x4f, WORKGROUP>;

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

fn store(i: u32, bias_index: u32, sum: f32) {
  var value = params.scale * sum;
  if (params.has_bias != 0u) {
    value += bias[bias_index];
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

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.y * groups.x + group.x;
  let rows = (params.M + 3u) / 4u;
  let blocks = (params.N + 4u * QUADS - 1u) / (4u * QUADS);
  let batch = i / rows / blocks;
  if (batch >= params.batch) {
    return;
  }
  let row = i % rows * 4u;
  let column = i / rows % blocks * 4u * QUADS;
  // Lanes beyond the last column repeat it: their sums are not stored.
  let n = min(column + 4u * (lane % QUADS), (params.N - 1u) / 4u * 4u);
  let parts = WORKGROUP / QUADS;

  // Column j holds row j of the four.
  var sum = mat4x4f();
  for (var k = 4u * (lane / QUADS); k < params.K; k += 4u * parts) {
    let from_b = block_b(batch * params.batch_stride_b, k, n);
    sum += from_b * block_a(batch * params.batch_stride_a, row, k);
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var element = lane; element < 16u * QUADS; element += WORKGROUP) {
    let quad = element / 4u % QUADS;
    let m = element / 4u / QUADS;
    var total = 0.0;
    for (var part = 0u; part < parts; part++) {
      total += partial[part * QUADS + quad][m][element % 4u];
    }
    let m_out = row + m;
    let n_out = column + element % (4u * QUADS);
    if (m_out < params.M && n_out < params.N) {
      let at = batch * params.M * params.N + m_out * params.out_stride_m + n_out * params.out_stride_n;
      store(at, m_out * params.bias_stride_m + n_out * params.bias_stride_n, total);
    }
  }
}
