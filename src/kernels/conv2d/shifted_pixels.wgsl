// The pixels that one row of a convolution's kernel sees: out[tap][pixel] = x at the place that the tap sees, 0 outside.
//
// Shapes    x [batch, in_height, in_width, channels], out [taps, pixels, channels]: batch * out_height * out_width pixels,
//           then rows of zeros
// Dispatch  one task per row of out
// Saved for backward: nothing (it serves the gradient of the weight, which needs no gradient itself)

#include "../parts/each_row.wgsl"

struct Params {
  rows: u32, // taps * pixels
  pixels: u32, // of a tap, the rows of zeros behind them included
  batch: u32,
  channels: u32,
  out_height: u32,
  out_width: u32,
  in_height: u32,
  in_width: u32,
  tap_y: u32,
  stride: u32,
  padding_y: u32,
  padding_x: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn task(row: u32, lane: u32) {
  let tap_x = row / params.pixels;
  let pixel = row % params.pixels;
  let out_x = pixel % params.out_width;
  let out_y = pixel / params.out_width % params.out_height;
  let image = pixel / params.out_width / params.out_height;
  let from_y = i32(out_y * params.stride + params.tap_y) - i32(params.padding_y);
  let from_x = i32(out_x * params.stride + tap_x) - i32(params.padding_x);
  let inside_y = from_y >= 0 && from_y < i32(params.in_height);
  let inside = image < params.batch && inside_y && from_x >= 0 && from_x < i32(params.in_width);
  let line = image * params.in_height + u32(max(from_y, 0));
  let start = (line * params.in_width + u32(max(from_x, 0))) * params.channels;
  for (var c = lane; c < params.channels; c += WORKGROUP) {
    var value = 0.0;
    if (inside) {
      value = x[start + c];
    }
    out[row * params.channels + c] = value;
  }
}
