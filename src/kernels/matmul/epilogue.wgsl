// What becomes of a product's sums: out = activation(scale * sum + bias) + residual.
//
// Includer  includes operands.wgsl too
// Shapes    bias [N], residual, preactivation and out [batch, M, N], by the strides of params, which a host that swaps the
//           operands swaps too
// Saved for backward: preactivation, on request

// Where element [m, n] of a batch's result lies.
fn out_index(batch: u32, m: u32, n: u32) -> u32 {
  return batch * params.M * params.N + m * params.out_stride_m + n * params.out_stride_n;
}

fn bias_index(m: u32, n: u32) -> u32 {
  return m * params.bias_stride_m + n * params.bias_stride_n;
}

fn activate(values: vec4f) -> vec4f {
  if (params.quickgelu != 0u) {
    return values / (1.0 + exp(min(-1.702 * values, vec4f(87.0)))); // exp(89) overflows
  }
  return values;
}

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
  value = activate(vec4f(value)).x;
  if (params.has_residual != 0u) {
    value += residual[i];
  }
  out[i] = value;
}
