// The transpose of resize_linear.wgsl: each input sample sums the outputs that read it, in their order.
//
// Shapes    dout [outer, size_out, inner], dx [outer, size_in, inner]
//           Output o reads input i with weight 1 - |position - i|, if that is positive, where position is
//           (o + 0.5) * size_in / size_out - 0.5 clamped to 0 .. size_in - 1. All in integers, in units of
//           1 / (2 size_out).
// Dispatch  one item per element of dx

#include "../parts/each_item.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read> dout: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

// The first output whose position, unclamped, is at least `sample`: ceil((2 sample + 1) size_out / (2 size_in) - 1 / 2).
fn first_output(sample: i32) -> u32 {
  if (sample <= 0) {
    return 0u;
  }
  let numerator = (2u * u32(sample) + 1u) * params.size_out + params.size_in - 1u;
  return min(numerator / (2u * params.size_in), params.size_out);
}

fn items() -> u32 {
  return params.outer * params.size_in * params.inner;
}

fn item(e: u32) {
  let line = e / params.inner;
  let column = e % params.inner;
  let i = i32(line % params.size_in);
  let unit = i32(2u * params.size_out);
  let last = i32(params.size_in - 1u) * unit;
  let begin = first_output(i - 1);
  var end = params.size_out;
  if (u32(i) + 1u < params.size_in) {
    end = first_output(i + 1);
  }
  var at = (line / params.size_in * params.size_out + begin) * params.inner + column;
  var position = i32((2u * begin + 1u) * params.size_in) - i32(params.size_out);
  var sum = 0.0;
  for (var o = begin; o < end; o++) {
    let distance = abs(clamp(position, 0, last) - i * unit);
    sum += f32(max(0, unit - distance)) * dout[at];
    at += params.inner;
    position += i32(2u * params.size_in);
  }
  dx[e] = sum / f32(unit);
}
