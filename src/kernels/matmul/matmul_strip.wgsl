// out = activation(scale * a b + bias) + residual, for software adapters with subgroups: registers and vector loads,
// no workgroup memory.
//
// Shapes    as operands.wgsl and epilogue.wgsl have them; for a short N the host swaps the operands and
//           the strides of out and bias
// Dispatch  one workgroup per ROWS rows and 4 * WORKGROUP columns of out; each lane owns 4 columns. Along K, four at a
//           time, the lanes of a subgroup load the ROWS rows' values of a once and pass them round.
// Saved for backward: preactivation, on request

enable subgroups;

#include "operands.wgsl"
#include "epilogue.wgsl"
#include "../parts/subgroup_share.wgsl"

override WORKGROUP: u32 = 32u;
override ROWS: u32 = 16u; // 4, 8, 12 or 16

// Where the four lines of b's block [0 .. 3, n .. n + 3] begin: rows of b, or its columns with TRANSPOSE_B.
fn first_lines_b(base: u32, n: u32) -> vec4u {
  if (TRANSPOSE_B) {
    // Lines past the last column repeat it: their sums are not stored.
    return base + min(n + vec4u(0u, 1u, 2u, 3u), vec4u(params.N - 1u)) * params.K;
  }
  return base + n + vec4u(0u, 1u, 2u, 3u) * params.N;
}

// The scales of four rows of an int8 b; those past the end repeat the last.
fn scales_b(row: u32, end: u32) -> vec4f {
  let last = end - 1u;
  return vec4f(
    scale_b(min(row, last)),
    scale_b(min(row + 1u, last)),
    scale_b(min(row + 2u, last)),
    scale_b(min(row + 3u, last))
  );
}

// b[k .. k + 3, n .. n + 3], a column per k, 0 outside of b, whose lines begin at `starts`.
fn block_b(starts: vec4u, k: u32, n: u32) -> mat4x4f {
  // Along a line of b^T K ends, along a line of b its columns do, and there the lines themselves end with K.
  var counts = vec4u(remaining(k, params.K));
  if (!TRANSPOSE_B) {
    counts = select(vec4u(), vec4u(remaining(n, params.N)), k + vec4u(0u, 1u, 2u, 3u) < vec4u(params.K));
  }
  let lines = mat4x4f(
    load_b(starts.x, counts.x),
    load_b(starts.y, counts.y),
    load_b(starts.z, counts.z),
    load_b(starts.w, counts.w)
  );
  if (TRANSPOSE_B) {
    return transpose(lines); // the scales of an int8 b are the columns' own: they come last
  }
  if (B_TYPE == INT8) {
    let scales = scales_b(k, params.K);
    return mat4x4f(lines[0] * scales.x, lines[1] * scales.y, lines[2] * scales.z, lines[3] * scales.w);
  }
  return lines;
}

// The lanes' share holds the ROWS vectors of a. Vector v is row v along K; with TRANSPOSE_A and Q = ROWS / 4 it is
// k + v / Q along the rows 4 (v % Q) .. + 3.

fn vector_of(place: u32, lane: u32) -> u32 {
  return (place * SUBGROUP + lane % SUBGROUP) % ROWS;
}

// Where the lane's vector begins at k = 0. Rows past the last one repeat it: their sums are not stored.
fn first_line_a(base: u32, row: u32, place: u32, lane: u32) -> u32 {
  let v = vector_of(place, lane);
  if (TRANSPOSE_A) {
    return base + min(row + 4u * (v % (ROWS / 4u)), (params.M - 1u) / 4u * 4u) + v / (ROWS / 4u) * params.M;
  }
  return base + min(row + v, params.M - 1u) * params.K;
}

fn load_share(place: u32, line: u32, lane: u32, row: u32, k: u32) {
  if (TRANSPOSE_A) {
    let v = vector_of(place, lane);
    let count = remaining(row + 4u * (v % (ROWS / 4u)), params.M);
    share[place] = load_a(line, select(0u, count, k + v / (ROWS / 4u) < params.K));
  } else {
    share[place] = load_a(line, remaining(k, params.K));
  }
}

// a[row + 4 quad .. + 3, k .. k + 3], a column per row.
fn block_a(quad: u32) -> mat4x4f {
  if (TRANSPOSE_A) {
    let quads = ROWS / 4u;
    return transpose(
      mat4x4f(
        broadcast(quad),
        broadcast(quad + quads),
        broadcast(quad + 2u * quads),
        broadcast(quad + 3u * quads)
      )
    );
  }
  return broadcast_four(4u * quad);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) invocation: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let strips = (params.M + ROWS - 1u) / ROWS;
  let i = group.y * groups.x + group.x;
  let row = i % strips * ROWS;
  let width = 4u * WORKGROUP;
  let blocks = (params.N + width - 1u) / width;
  let batch = i / strips / blocks;
  if (batch >= params.batch) {
    return;
  }
  let column = i / strips % blocks * width + 4u * invocation;
  // Lanes beyond the last column keep their subgroup company and repeat it.
  let n = min(column, (params.N - 1u) / 4u * 4u);
  var from_b = first_lines_b(batch * params.batch_stride_b, n);
  let base_a = batch * params.batch_stride_a;
  var from_a = vec4u(
    first_line_a(base_a, row, 0u, lane),
    first_line_a(base_a, row, 1u, lane),
    first_line_a(base_a, row, 2u, lane),
    first_line_a(base_a, row, 3u, lane)
  );
  let step_a = select(4u, 4u * params.M, TRANSPOSE_A);
  let step_b = select(4u * params.N, 4u, TRANSPOSE_B);

  // Column j of sum q is row 4 q + j of the strip.
  var sum0 = mat4x4f();
  var sum1 = mat4x4f();
  var sum2 = mat4x4f();
  var sum3 = mat4x4f();
  for (var k = 0u; k < params.K; k += 4u) {
    load_share(0u, from_a.x, lane, row, k);
    if (ROWS > SUBGROUP) {
      load_share(1u, from_a.y, lane, row, k);
    }
    if (ROWS > 2u * SUBGROUP) {
      load_share(2u, from_a.z, lane, row, k);
      load_share(3u, from_a.w, lane, row, k);
    }
    let columns = block_b(from_b, k, n);
    sum0 += columns * block_a(0u);
    if (ROWS > 4u) {
      sum1 += columns * block_a(1u);
    }
    if (ROWS > 8u) {
      sum2 += columns * block_a(2u);
    }
    if (ROWS > 12u) {
      sum3 += columns * block_a(3u);
    }
    from_a += step_a;
    from_b += step_b;
  }

  let count = remaining(column, params.N);
  var factor = vec4f(params.scale);
  if (B_TYPE == INT8 && TRANSPOSE_B) {
    factor *= scales_b(n, params.N);
  }
  // A copy, since indexing by a variable would keep the sums themselves out of registers.
  var sums = array<mat4x4f, 4>(sum0, sum1, sum2, sum3);
  var own_bias = vec4f();
  for (var r = 0u; r < ROWS && row + r < params.M; r++) {
    if (params.has_bias != 0u && (r == 0u || params.bias_stride_m != 0u)) {
      own_bias = bias_four(row + r, column, count);
    }
    let first = out_index(batch, row + r, column);
    store_four(first, count, factor * sums[r / 4u][r % 4u], own_bias);
  }
}
