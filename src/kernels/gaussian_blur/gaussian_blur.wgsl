// out = x correlated with `weights` along the middle dimension; borders are mirrored, repeating the outermost element
// (d c b a | a b c d | d c b a), as often as the radius asks for.
//
// Shapes    x and out [outer, length, inner], weights [taps], taps = 2 * radius + 1
// Dispatch  one item per element of out
// Saved for backward: nothing (no gradient)

#include "../parts/each_item.wgsl"

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
  taps: u32,
  shift: u32, // a multiple of the period 2 * length, minus the radius: keeps positions from going below 0
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn items() -> u32 {
  return params.outer * params.length * params.inner;
}

fn item(i: u32) {
  let position = (i / params.inner) % params.length;
  let start = i - position * params.inner;
  let period = 2u * params.length;
  var k = (position + params.shift) % period; // position - radius, within one period of the mirrored row
  var sum = 0.0;
  for (var tap = 0u; tap < params.taps; tap++) {
    let mirrored = select(period - 1u - k, k, k < params.length);
    sum += weights[tap] * x[start + mirrored * params.inner];
    k = select(k + 1u, 0u, k + 1u == period);
  }
  out[i] = sum;
}
