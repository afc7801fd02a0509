// A convolution of images with channels last, or the derivative with respect to its input; for software adapters with
// subgroups: registers and vector loads, no workgroup memory.
//
// Shapes    x [batch, in_height, in_width, K], weight [taps][N, K] ([taps][K, N] with TRANSPOSED), bias [N],
//           out [batch, out_height, out_width, N]; a tap is one place (row, column) of the kernel
// Dispatch  one for a few taps, so that their weights for 4 * WORKGROUP channels stay in a core's cache; in it one
//           workgroup per ROWS pixels of out and 4 * WORKGROUP of its channels; each lane owns 4 channels. For every
//           tap, along K, four at a time, the lanes of a subgroup load the values of x that belong to the ROWS pixels
//           once and pass them round: a product of matrices whose left rows are gathered as they are read.
// Saved for backward: nothing

enable subgroups;

override SUBGROUP: u32 = 8u; // lanes of a subgroup
override WORKGROUP: u32 = 32u;
override TRANSPOSED: bool = false; // x is the derivative of a convolution's output, out that of its input
override HALF: bool = false; // the weight is in weight_half
override VECTOR: bool = false; // K, and N with TRANSPOSED, are multiples of 4
override ROWS: u32 = 16u; // 4, 8, 12 or 16

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
  has_bias: u32, // added with the first tap
  first_tap: u32, // of this dispatch, which adds to what those before it left in out
  end_tap: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight_half: array<vec2u>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

/** How many of four neighbours from `start` on are below `end`. */
fn remaining(start: u32, end: u32) -> u32 {
  return min(4u, max(start, end) - start);
}

/** Four neighbours of x from its element i on; those from `count` on are 0. */
fn load_x(i: u32, count: u32) -> vec4f {
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

// A lane's share of the ROWS rows of x: row v is held by lane v % SUBGROUP, at place v / SUBGROUP.
var<private> share: array<vec4f, 4>;

/** The element of x at which the lane's row `place` begins under this tap (x), and whether there is one (y). */
fn source_row(first: u32, place: u32, lane: u32, tap_y: u32, tap_x: u32) -> vec2u {
  let row = min(first + (place * SUBGROUP + lane % SUBGROUP) % ROWS, params.rows - 1u);
  let pixel = row % (params.out_height * params.out_width);
  let image = row / (params.out_height * params.out_width);
  let from_y = source(pixel / params.out_width, tap_y, params.padding_y, params.in_height);
  let from_x = source(pixel % params.out_width, tap_x, params.padding_x, params.in_width);
  if (from_y < 0 || from_x < 0) {
    return vec2u();
  }
  return vec2u(((image * params.in_height + u32(from_y)) * params.in_width + u32(from_x)) * params.K, 1u);
}

fn load_share(place: u32, start: vec2u, k: u32) {
  if (VECTOR) {
    share[place] = select(vec4f(), x[(start.x + k) / 4u], start.y != 0u);
  } else {
    share[place] = load_x(start.x + k, select(0u, remaining(k, params.K), start.y != 0u));
  }
}

/** From a lane that is known, a broadcast costs SwiftShader (4 lanes) half of a shuffle; others do not care. */
fn broadcast(vector: u32) -> vec4f {
  let values = share[vector / SUBGROUP];
  switch vector % SUBGROUP {
    case 0u: { return subgroupBroadcast(values, 0u); }
    case 1u: { return subgroupBroadcast(values, 1u); }
    case 2u: { return subgroupBroadcast(values, 2u); }
    case 3u: { return subgroupBroadcast(values, 3u); }
    default: { return subgroupShuffle(values, vector % SUBGROUP); }
  }
}

/** x at [row 4 quad .. + 3, k .. k + 3], a column per row. */
fn block_x(quad: u32) -> mat4x4f {
  let v = 4u * quad;
  return mat4x4f(broadcast(v), broadcast(v + 1u), broadcast(v + 2u), broadcast(v + 3u));
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) invocation: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let strips = (params.rows + ROWS - 1u) / ROWS;
  let i = group.y * groups.x + group.x;
  let first = i % strips * ROWS;
  let width = 4u * WORKGROUP;
  let blocks = (params.N + width - 1u) / width;
  if (i >= strips * blocks) {
    return;
  }
  let channel = i / strips * width + 4u * invocation;
  // Lanes beyond the last channel keep their subgroup company and repeat it.
  let n = min(channel, (params.N - 1u) / 4u * 4u);

  let step = select(4u, 4u * params.N, TRANSPOSED);

  // Column j of sum q is row 4 q + j of the strip.
  var sum0 = mat4x4f();
  var sum1 = mat4x4f();
  var sum2 = mat4x4f();
  var sum3 = mat4x4f();
  for (var tap = params.first_tap; tap < params.end_tap; tap++) {
    let tap_y = tap / params.kernel_width;
    let tap_x = tap % params.kernel_width;
    let start0 = source_row(first, 0u, lane, tap_y, tap_x);
    let start1 = source_row(first, 1u, lane, tap_y, tap_x);
    let start2 = source_row(first, 2u, lane, tap_y, tap_x);
    let start3 = source_row(first, 3u, lane, tap_y, tap_x);
    var from_weight = first_lines(tap * params.N * params.K, n);
    for (var k = 0u; k < params.K; k += 4u) {
      load_share(0u, start0, k);
      if (ROWS > SUBGROUP) {
        load_share(1u, start1, k);
      }
      if (ROWS > 2u * SUBGROUP) {
        load_share(2u, start2, k);
        load_share(3u, start3, k);
      }
      let columns = block_weight(from_weight, k, n);
      sum0 += columns * block_x(0u);
      if (ROWS > 4u) {
        sum1 += columns * block_x(1u);
      }
      if (ROWS > 8u) {
        sum2 += columns * block_x(2u);
      }
      if (ROWS > 12u) {
        sum3 += columns * block_x(3u);
      }
      from_weight += step;
    }
  }

  let count = remaining(channel, params.N);
  // A copy, since indexing by a variable would keep the sums themselves out of registers.
  var sums = array<mat4x4f, 4>(sum0, sum1, sum2, sum3);
  for (var r = 0u; r < ROWS && first + r < params.rows; r++) {
    let values = sums[r / 4u][r % 4u];
    for (var j = 0u; j < count; j++) {
      let at = (first + r) * params.N + channel + j;
      var value = values[j];
      if (params.first_tap > 0u) {
        value += out[at];
      } else if (params.has_bias != 0u) {
        value += bias[channel + j];
      }
      out[at] = value;
    }
  }
}
