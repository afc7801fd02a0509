// What products and their epilogues share: where a result and its bias lie, activations and their slopes.
//
// Includer  includes operands.wgsl too

#include "../quickgelu/quickgelu_slope.wgsl"

// Whether the product is multiplied by a slope: only in gradients, of which the others' code is to be free.
override SLOPE: bool = false;

// Of params.activation and params.slope; 0: none.
const QUICKGELU = 1u;
const RELU = 2u;

// Where element [m, n] of a batch's result lies.
fn out_index(batch: u32, m: u32, n: u32) -> u32 {
  return batch * params.M * params.N + m * params.out_stride_m + n * params.out_stride_n;
}

fn bias_index(m: u32, n: u32) -> u32 {
  return m * params.bias_stride_m + n * params.bias_stride_n;
}

fn activate(values: vec4f) -> vec4f {
  switch (params.activation) {
    case QUICKGELU: { return values / (1.0 + exp(min(-1.702 * values, vec4f(87.0)))); } // exp(89) overflows
    case RELU: { return max(values, vec4f()); }
    default: { return values; }
  }
}

fn slope(x: vec4f) -> vec4f {
  if (params.slope == QUICKGELU) {
    return quickgelu_slope(x);
  }
  return select(vec4f(), vec4f(1.0), x > vec4f());
}

// The biases of out[m, n .. n + 3], of the first `count`.
fn bias_four(m: u32, n: u32, count: u32) -> vec4f {
  var values = vec4f();
  for (var j = 0u; j < count; j++) {
    values[j] = bias[bias_index(m, n + j)];
  }
  return values;
}
