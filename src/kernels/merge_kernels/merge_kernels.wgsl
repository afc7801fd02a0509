// One of several convolution kernels into, or out of, the kernel that they make together: the middle of each on the
// middle of the largest.
//
// Shapes    own [pairs][height][width] (PyTorch's [out, in, height, width], pairs = out * in), merged [taps][pairs]
// Dispatch  one item per pair; neighbours write neighbours of a tap
// Saved for backward: nothing; the gradient is the way back

override INVERSE: bool = false; // from merged to own
override ACCUMULATE: bool = false; // add to merged; else write it, all of it: own is as large

#include "../parts/each_item.wgsl"

struct Params {
  pairs: u32,
  height: u32, // of own
  width: u32,
  merged_width: u32,
  top: u32, // row and column of merged where own begins
  left: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn items() -> u32 {
  return params.pairs;
}

fn item(pair: u32) {
  for (var row = 0u; row < params.height; row++) {
    for (var column = 0u; column < params.width; column++) {
      let own = (pair * params.height + row) * params.width + column;
      let tap = (params.top + row) * params.merged_width + params.left + column;
      let merged = tap * params.pairs + pair;
      if (INVERSE) {
        out[own] = x[merged];
      } else if (ACCUMULATE) {
        out[merged] += x[own];
      } else {
        out[merged] = x[own];
      }
    }
  }
}
