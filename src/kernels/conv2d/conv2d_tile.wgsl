// A convolution of images with channels last, or the derivative with respect to its input; for GPUs and for adapters
// without subgroups: tiles in workgroup memory.
//
// Shapes    x [batch, in_height, in_width, K], weight [taps][N, K] ([taps][K, N] with TRANSPOSED), bias [N],
//           out [batch, out_height, out_width, N]; a tap is one place (row, column) of the kernel
// Dispatch  one workgroup of 128 per 64 pixels and 64 channels of out. For every tap and every 32 values along K, each
//           lane copies one 4 x 4 block of x and one of the weight into workgroup memory, and owns 8 pixels and 4
//           channels: a product of matrices whose left rows are gathered as they are read.
// Saved for backward: nothing

override TRANSPOSED: bool = false; // x is the derivative of a convolution's output, out that of its input
override HALF: bool = false; // the weight is in weight_half
override VECTOR: bool = false; // K, and N with TRANSPOSED, are multiples of 4
const TILE = 64u;
const DEPTH = 32u;
const QUADS = TILE / 4u; // vectors of 4 across a tile
const WORKGROUP = 128u;

struct Params {
  rows: u32, // pixels of out
  N: u32,
  K: u32,
  out_height: u32,
  out_width: u32,
  in_height: u32,
  in_width: u32,
  kernel_height: u32,
  kernel_width: u32,
  stride: u32,
  padding_y: u32,
  padding_x: u32,
  has_bias: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight_half: array<vec2u>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

// tile_x[k][pixel / 4] and tile_weight[k][channel / 4], the last index swizzled so that the lanes that write a tile's
// columns do not meet in one memory bank.
var<workgroup> tile_x: array<vec4f, DEPTH * QUADS>;
var<workgroup> tile_weight: array<vec4f, DEPTH * QUADS>;

fn place(k: u32, quad: u32) -> u32 {
  return k * QUADS + (quad ^ (k / 4u));
}

/** How many of four neighbours from `start` on are below `end`. */
fn remaining(start: u32, end: u32) -> u32 {
  return min(4u, max(start, end) - start);
}

/** Four neighbours of x from its element i on; those from `count` on are 0 (VECTOR: all four, or none). */
fn load_x(i: u32, count: u32) -> vec4f {
  if (VECTOR) {
    return select(vec4f(), x[i / 4u], count != 0u);
  }
  var values = vec4f();
  for (var j = 0u; j < count; j++) {
    values[j] = x[(i + j) / 4u][(i + j) % 4u];
  }
  return values;
}

fn weight_vector(i: u32) -> vec4f {
  if (HALF) {
    let halves = weight_half[i];
    return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));
  }
  return weight[i];
}

fn load_weight(i: u32, count: u32) -> vec4f {
  if (VECTOR) {
    return weight_vector(i / 4u);
  }
  var values = vec4f();
  for (var j = 0u; j < count; j++) {
    values[j] = weight_vector((i + j) / 4u)[(i + j) % 4u];
  }
  return values;
}

/** Where the four lines of a tap's block [0 .. 3, n .. n + 3] begin: along K, or along the channels if TRANSPOSED. */
fn first_lines(base: u32, n: u32) -> vec4u {
  if (TRANSPOSED) {
    return base + n + vec4u(0u, 1u, 2u, 3u) * params.N;
  }
  // Channels past the last one repeat it: their sums are not stored.
  return base + min(n + vec4u(0u, 1u, 2u, 3u), vec4u(params.N - 1u)) * params.K;
}

/** The tap's weight for [k .. k + 3, n .. n + 3], a column per k, 0 outside, whose lines begin at `starts`. */
fn block_weight(starts: vec4u, k: u32, n: u32) -> mat4x4f {
  var counts = vec4u(remaining(k, params.K));
  if (TRANSPOSED) {
    counts = select(vec4u(), vec4u(remaining(n, params.N)), k + vec4u(0u, 1u, 2u, 3u) < vec4u(params.K));
  }
  let lines = mat4x4f(
    load_weight(starts.x, counts.x),
    load_weight(starts.y, counts.y),
    load_weight(starts.z, counts.z),
    load_weight(starts.w, counts.w)
  );
  if (TRANSPOSED) {
    return lines;
  }
  return transpose(lines);
}

/** Where along one side of x a tap finds what belongs to out's position `at`; negative: nowhere. */
fn source(at: u32, tap: u32, padding: u32, end: u32) -> i32 {
  var place_in_x = i32(at * params.stride + tap) - i32(padding);
  if (TRANSPOSED) {
    place_in_x = i32(at + padding) - i32(tap);
    if (place_in_x < 0 || u32(place_in_x) % params.stride != 0u) {
      return -1;
    }
    place_in_x /= i32(params.stride);
  }
  return select(-1, place_in_x, place_in_x < i32(end));
}

/** The element of x at which the values for a pixel of out begin under this tap (x), and whether there are any (y). */
fn source_row(pixel_of_out: u32, tap_y: u32, tap_x: u32) -> vec2u {
  let row = min(pixel_of_out, params.rows - 1u);
  let pixel = row % (params.out_height * params.out_width);
  let image = row / (params.out_height * params.out_width);
  let from_y = source(pixel / params.out_width, tap_y, params.padding_y, params.in_height);
  let from_x = source(pixel % params.out_width, tap_x, params.padding_x, params.in_width);
  if (from_y < 0 || from_x < 0) {
    return vec2u();
  }
  return vec2u(((image * params.in_height + u32(from_y)) * params.in_width + u32(from_x)) * params.K, 1u);
}

fn line_x(start: vec2u, k: u32) -> vec4f {
  return load_x(start.x + k, select(0u, remaining(k, params.K), start.y != 0u));
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.y * groups.x + group.x;
  let tiles_m = (params.rows + TILE - 1u) / TILE;
  let tiles_n = (params.N + TILE - 1u) / TILE;
  if (i >= tiles_m * tiles_n) {
    return;
  }
  let first = i % tiles_m * TILE;
  let column = i / tiles_m * TILE;
  // Neighbouring lanes copy neighbours in memory: along K, or along the channels.
  let along = DEPTH / 4u;
  let quad_x = lane / along;
  let k_x = 4u * (lane % along);
  let quad_w = select(lane / along, lane % QUADS, TRANSPOSED);
  let k_w = 4u * select(lane % along, lane / QUADS, TRANSPOSED);
  let n = min(column + 4u * quad_w, (params.N - 1u) / 4u * 4u);
  // The lane's pixels are 4 upper .. 4 upper + 3 and those half a tile below.
  let upper = lane / QUADS;
  let own = lane % QUADS;

  // Column j holds pixel j of the four.
  var sum0 = mat4x4f();
  var sum1 = mat4x4f();
  for (var tap = 0u; tap < params.kernel_height * params.kernel_width; tap++) {
    let tap_y = tap / params.kernel_width;
    let tap_x = tap % params.kernel_width;
    let start0 = source_row(first + 4u * quad_x, tap_y, tap_x);
    let start1 = source_row(first + 4u * quad_x + 1u, tap_y, tap_x);
    let start2 = source_row(first + 4u * quad_x + 2u, tap_y, tap_x);
    let start3 = source_row(first + 4u * quad_x + 3u, tap_y, tap_x);
    let lines = first_lines(tap * params.N * params.K, n);
    for (var k = 0u; k < params.K; k += DEPTH) {
      var from_x = mat4x4f();
      var from_weight = mat4x4f();
      if (k + k_x < params.K) {
        from_x = transpose(
          mat4x4f(
            line_x(start0, k + k_x),
            line_x(start1, k + k_x),
            line_x(start2, k + k_x),
            line_x(start3, k + k_x)
          )
        );
      }
      if (k + k_w < params.K) {
        from_weight = block_weight(lines + (k + k_w) * select(1u, params.N, TRANSPOSED), k + k_w, n);
      }
      workgroupBarrier();
      for (var j = 0u; j < 4u; j++) {
        tile_x[place(k_x + j, quad_x)] = from_x[j];
        tile_weight[place(k_w + j, quad_w)] = from_weight[j];
      }
      workgroupBarrier();
      for (var d = 0u; d < DEPTH; d++) {
        let a0 = tile_x[place(d, upper)];
        let a1 = tile_x[place(d, upper + QUADS / 2u)];
        let columns = tile_weight[place(d, own)];
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
  }

  // A copy, since indexing by a variable would keep the sums themselves out of registers.
  var sums = array<mat4x4f, 2>(sum0, sum1);
  for (var r = 0u; r < 8u; r++) {
    let row = first + 4u * upper + r % 4u + r / 4u * (TILE / 2u);
    for (var j = 0u; j < 4u; j++) {
      let channel = column + 4u * own + j;
      if (row < params.rows && channel < params.N) {
        var value = sums[r / 4u][r % 4u][j];
        if (params.has_bias != 0u) {
          value += bias[channel];
        }
        out[row * params.N + channel] = value;
      }
    }
  }
}
