// Linear interpolation along the middle dimension, half-pixel centres, no antialiasing (PyTorch's align_corners=False):
// one of the two passes of the bilinear resize.
//
// Shapes    x [outer, size_in, inner], out [outer, size_out, inner]
//           Output o reads x at (o + 0.5) * size_in / size_out - 0.5, clamped to the first and last sample. That is
//           position / (2 size_out) with an integer position: neighbours and weights are exact, however large the sizes.
// Dispatch  one invocation per RUN outputs along the middle dimension (neighbours in it share the divisions), WORKGROUP
//           per workgroup, workgroups spread over x and y
// Saved for backward: nothing

#include "../parts/each_item.wgsl"
#include "params.wgsl"

override RUN: u32 = 8u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn runs() -> u32 {
  return (params.size_out + RUN - 1u) / RUN;
}

fn items() -> u32 {
  return params.outer * runs() * params.inner;
}

fn item(i: u32) {
  let line = i / params.inner;
  let column = i % params.inner;
  let outer = line / runs();
  let begin = line % runs() * RUN;
  let end = min(begin + RUN, params.size_out);
  let unit = 2u * params.size_out;
  let scale = 1.0 / f32(unit);
  let last = params.size_in - 1u;
  let start = outer * params.size_in * params.inner + column;

  // Output o lies offset / unit beyond sample `lower`; before the first sample the offset is negative.
  var offset = i32((2u * begin + 1u) * params.size_in) - i32(params.size_out);
  var lower = u32(max(0, offset)) / unit;
  offset -= i32(lower * unit);
  var at = (outer * params.size_out + begin) * params.inner + column;
  for (var o = begin; o < end; o++) {
    let weight = scale * f32(max(0, offset));
    let upper = min(lower + 1u, last);
    out[at] = (1.0 - weight) * x[start + lower * params.inner] + weight * x[start + upper * params.inner];
    at += params.inner;
    offset += i32(2u * params.size_in);
    while (offset >= i32(unit)) {
      offset -= i32(unit);
      lower++;
    }
  }
}
