// out = activation(scale * a b + bias) + residual where one side of out is short: the lanes share out K.
//
// Shapes    as operands.wgsl and epilogue.wgsl have them; M is short: for a short N the host swaps the
//           operands and the strides of out and bias
// Dispatch  one workgroup of PARTS * QUADS per 4 rows and 4 * QUADS columns of out; lane l owns the columns
//           4 (l % QUADS) .. + 3 and every PARTS-th four of K. The parts are added up in workgroup memory, in order.
// Saved for backward: preactivation, on request

#include "operands.wgsl"
#include "blocks.wgsl"
#include "epilogue.wgsl"
#include "../parts/workgroup_main.wgsl"

override WORKGROUP: u32 = 64u; // PARTS * QUADS
override QUADS: u32 = 1u;

var<workgroup> partial: array<mat4x4f, WORKGROUP>;

fn quads_of_rows() -> u32 {
  return (params.M + 3u) / 4u;
}

fn blocks_of_columns() -> u32 {
  return (params.N + 4u * QUADS - 1u) / (4u * QUADS);
}

fn tasks() -> u32 {
  return params.batch * quads_of_rows() * blocks_of_columns();
}

fn task(i: u32, lane: u32) {
  let rows = quads_of_rows();
  let blocks = blocks_of_columns();
  let batch = i / rows / blocks;
  let row = i % rows * 4u;
  let column = i / rows % blocks * 4u * QUADS;
  // Lanes beyond the last column repeat it: their sums are not stored.
  let n = min(column + 4u * (lane % QUADS), (params.N - 1u) / 4u * 4u);
  let parts = WORKGROUP / QUADS;

  // Column j holds row j of the four.
  var sum = mat4x4f();
  for (var k = 4u * (lane / QUADS); k < params.K; k += 4u * parts) {
    let from_b = block_b(batch * params.batch_stride_b, k, n);
    sum += from_b * block_a(batch * params.batch_stride_a, row, k);
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var element = lane; element < 16u * QUADS; element += WORKGROUP) {
    let quad = element / 4u % QUADS;
    let m = element / 4u / QUADS;
    var total = 0.0;
    for (var part = 0u; part < parts; part++) {
      total += partial[part * QUADS + quad][m][element % 4u];
    }
    let m_out = row + m;
    let n_out = column + element % (4u * QUADS);
    if (m_out < params.M && n_out < params.N) {
      store(batch, m_out, n_out, total);
    }
  }
}
