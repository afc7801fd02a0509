// The operands of a convolution as both kernels read them: rows of x gathered under a tap, blocks of the tap's weight.
//
// Includer  is conv2d_strip.wgsl or conv2d_tile.wgsl
// Shapes    x [batch, in_height, in_width, K], weight [taps][N, K] ([taps][K, N] with TRANSPOSED), in weight or, packed,
//           in weight_half; bias [N], out [batch, out_height, out_width, N]; a tap is one place (row, column) of the kernel

#include "../parts/right_block.wgsl"

override TRANSPOSED: bool = false; // x is the derivative of a convolution's output, out that of its input
override HALF: bool = false; // the weight is in weight_half
override ALONG_K: bool = !TRANSPOSED; // of the lines of a tap's weight
override VECTOR: bool = false; // K, and N with TRANSPOSED, are multiples of 4

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

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> weight_half: array<vec2u>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

// Four neighbours of x from its element i on; those from `count` on are 0 (VECTOR: all four, or none).
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

fn load_b(i: u32, count: u32) -> vec4f {
  if (VECTOR) {
    return weight_vector(i / 4u);
  }
  var values = vec4f();
  for (var j = 0u; j < count; j++) {
    values[j] = weight_vector((i + j) / 4u)[(i + j) % 4u];
  }
  return values;
}

// The tap's weight for [k .. k + 3, n .. n + 3], a column per k, 0 outside, whose lines begin at `starts`.
fn block_weight(starts: vec4u, k: u32, n: u32) -> mat4x4f {
  let lines = lines_of_block(starts, k, n);
  if (TRANSPOSED) {
    return lines;
  }
  return transpose(lines);
}

// Where along one side of x a tap finds what belongs to out's position `at`; negative: nowhere.
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

// The element of x at which the values for a pixel of out begin under this tap (x), and whether there are any (y).
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
