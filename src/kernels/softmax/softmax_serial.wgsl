// softmax.wgsl with one invocation per row: for short rows, and on software adapters for all. Maximum and sum are found
// in one pass, sixteen elements at a time (online softmax, Milakov and Gimelshein, 2018): reading costs more than exp.
//
// Shapes    x and out [outer, length, inner]; a row is one (outer, inner)
// Dispatch  one item per row
// Saved for backward: out itself

#include "../parts/each_item.wgsl"
#include "../parts/line.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn four(i: u32) -> vec4f {
  let step = params.inner;
  return vec4f(x[i], x[i + step], x[i + 2u * step], x[i + 3u * step]);
}

fn put_four(i: u32, values: vec4f) {
  let step = params.inner;
  out[i] = values.x;
  out[i + step] = values.y;
  out[i + 2u * step] = values.z;
  out[i + 3u * step] = values.w;
}

fn items() -> u32 {
  return params.outer * params.inner;
}

fn item(row: u32) {
  let step = params.inner;
  let scale = params.scale;
  let start = line_start(row, params.length, step);
  let end = start + params.length * step;
  let end_of_blocks = start + params.length / 16u * 16u * step;
  let end_of_fours = start + params.length / 4u * 4u * step;

  // Scaling differences rather than x keeps the exponent's rounding error relative to its distance from 0.
  var tops = vec4f(x[start]);
  var sums = vec4f(); // of exp(scale * (x - tops))
  for (var i = start; i < end_of_blocks; i += 16u * step) {
    let x0 = four(i);
    let x1 = four(i + 4u * step);
    let x2 = four(i + 8u * step);
    let x3 = four(i + 12u * step);
    let higher = max(tops, max(max(x0, x1), max(x2, x3)));
    sums = sums * exp(scale * (tops - higher)) +
      ((exp(scale * (x0 - higher)) + exp(scale * (x1 - higher))) +
       (exp(scale * (x2 - higher)) + exp(scale * (x3 - higher))));
    tops = higher;
  }
  var top = max(max(tops.x, tops.y), max(tops.z, tops.w));
  for (var i = end_of_blocks; i < end; i += step) {
    top = max(top, x[i]);
  }
  sums *= exp(scale * (tops - top));
  var sum = (sums.x + sums.y) + (sums.z + sums.w);
  for (var i = end_of_blocks; i < end; i += step) {
    sum += exp(scale * (x[i] - top));
  }

  for (var i = start; i < end_of_fours; i += 4u * step) {
    put_four(i, exp(scale * (four(i) - top)) / sum);
  }
  for (var i = end_of_fours; i < end; i += step) {
    out[i] = exp(scale * (x[i] - top)) / sum;
  }
}
