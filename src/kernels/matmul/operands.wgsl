// The operands of a product as all its kernels read them: their bindings, vector loads, and the unpacking of f16 and int8
// weights.
//
// Includer  is one of the matmul kernels
// Shapes    a [batch, M, K] ([batch, K, M] with TRANSPOSE_A), b [batch, K, N] ([batch, N, K] with TRANSPOSE_B), in b or,
//           packed, in b_packed; batch strides are 0 for an operand that is shared

#include "../parts/remaining.wgsl"

override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
override VECTOR: bool = false; // K and the contiguous dimensions are multiples of 4
override B_TYPE: u32 = F32; // F32: in b; F16, INT8: in b_packed

const F32 = 0u;
const F16 = 1u;
const INT8 = 2u; // rows of int8, then a scale for each row

struct Params {
  M: u32,
  N: u32,
  K: u32,
  batch: u32,
  batch_stride_a: u32,
  batch_stride_b: u32,
  out_stride_m: u32,
  out_stride_n: u32,
  scale: f32,
  bias_stride_m: u32,
  bias_stride_n: u32,
  has_bias: u32,
  has_residual: u32,
  activation: u32, // epilogue.wgsl
  slope: u32,
  save_preactivation: u32,
  b_scales: u32, // the word of an int8 b where the scales of its rows begin
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read> b_packed: array<vec2u>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;

// Four neighbours of a from its element i on; the scalar path reads 0 for those from `count` on.
fn load_a(i: u32, count: u32) -> vec4f {
  if (VECTOR) {
    return a[i / 4u];
  }
  var values = vec4f();
  for (var j = 0u; j < count; j++) {
    values[j] = a[(i + j) / 4u][(i + j) % 4u];
  }
  return values;
}

// Four neighbours in b_packed, from element i on, i a multiple of 4; int8 values still without their row's scale.
fn unpack_b(i: u32) -> vec4f {
  if (B_TYPE == F16) {
    let halves = b_packed[i / 4u];
    return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));
  }
  let bytes = vec4u(b_packed[i / 8u][i / 4u % 2u]) << vec4u(24u, 16u, 8u, 0u);
  return vec4f(bitcast<vec4i>(bytes) >> vec4u(24u));
}

fn load_b(i: u32, count: u32) -> vec4f {
  if (VECTOR) {
    if (B_TYPE == F32) {
      return b[i / 4u];
    }
    return unpack_b(i);
  }
  var values = vec4f();
  for (var j = 0u; j < count; j++) {
    let at = i + j;
    if (B_TYPE == F32) {
      values[j] = b[at / 4u][at % 4u];
    } else {
      values[j] = unpack_b(at / 4u * 4u)[at % 4u];
    }
  }
  return values;
}

// The scale of a row of an int8 b, as it is stored.
fn scale_b(row: u32) -> f32 {
  let word = params.b_scales + row;
  return bitcast<f32>(b_packed[word / 2u][word % 2u]);
}
