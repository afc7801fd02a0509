// What becomes of a product's sums: out = activation(scale * sum + bias) + residual, or, where the product is d loss / d
// activation(x), out = (scale * sum + bias) * slope(x) + residual with x in preactivation.
//
// Includer  includes operands.wgsl too
// Shapes    bias [N], residual, preactivation and out [batch, M, N], by the strides of params, which a host that swaps the
//           operands swaps too
// Saved for backward: preactivation, on request

#include "activation.wgsl"

@group(0) @binding(5) var<storage, read> residual: array<f32>;
@group(0) @binding(6) var<storage, read_write> out: array<f32>;
@group(0) @binding(7) var<storage, read_write> preactivation: array<f32>;

// Finishes the sum of out[m, n].
fn store(batch: u32, m: u32, n: u32, sum: f32) {
  let i = out_index(batch, m, n);
  var value = params.scale * sum;
  if (params.has_bias != 0u) {
    value += bias[bias_index(m, n)];
  }
  if (params.save_preactivation != 0u) {
    preactivation[i] = value;
  }
  if (SLOPE) {
    value *= slope(vec4f(preactivation[i])).x;
  }
  value = activate(vec4f(value)).x;
  if (params.has_residual != 0u) {
    value += residual[i];
  }
  out[i] = value;
}

// Finishes four scaled sums, neighbours in a row of the result from element i of out on, and writes the first `count`.
fn store_four(i: u32, count: u32, sums: vec4f, own_bias: vec4f) {
  let at = i + vec4u(0u, 1u, 2u, 3u) * params.out_stride_n;
  var values = sums + own_bias;
  if (params.save_preactivation != 0u) {
    for (var j = 0u; j < count; j++) {
      preactivation[at[j]] = values[j];
    }
  }
  if (SLOPE) {
    var x = vec4f();
    for (var j = 0u; j < count; j++) {
      x[j] = preactivation[at[j]];
    }
    values *= slope(x);
  }
  values = activate(values);
  if (params.has_residual != 0u) {
    for (var j = 0u; j < count; j++) {
      values[j] += residual[at[j]];
    }
  }
  if (count == 4u) {
    out[at.x] = values.x;
    out[at.y] = values.y;
    out[at.z] = values.z;
    out[at.w] = values.w;
  } else {
    for (var j = 0u; j < count; j++) {
      out[at[j]] = values[j];
    }
  }
}
