// out = weighted sum of up to six tensors, from the first to the last.
//
// Shapes    x0 .. x5 and out alike, elements [count]
// Dispatch  one item per vec4; of the last, elements from `count` on are not written

#include "../parts/each_item.wgsl"

struct Params {
  count: u32,
  terms: u32,
  weights: vec4f,
  more_weights: vec4f,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x0: array<vec4f>;
@group(0) @binding(2) var<storage, read> x1: array<vec4f>;
@group(0) @binding(3) var<storage, read> x2: array<vec4f>;
@group(0) @binding(4) var<storage, read> x3: array<vec4f>;
@group(0) @binding(5) var<storage, read> x4: array<vec4f>;
@group(0) @binding(6) var<storage, read> x5: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4f>;

fn items() -> u32 {
  return (params.count + 3u) / 4u;
}

fn item(i: u32) {
  var sum = params.weights.x * x0[i] + params.weights.y * x1[i];
  if (params.terms > 2u) {
    sum += params.weights.z * x2[i];
  }
  if (params.terms > 3u) {
    sum += params.weights.w * x3[i];
  }
  if (params.terms > 4u) {
    sum += params.more_weights.x * x4[i];
  }
  if (params.terms > 5u) {
    sum += params.more_weights.y * x5[i];
  }
  if (4u * i + 4u <= params.count) {
    out[i] = sum;
  } else {
    for (var j = 0u; 4u * i + j < params.count; j++) {
      out[i][j] = sum[j];
    }
  }
}
