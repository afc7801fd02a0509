// The body of the strip kernels: registers and vector loads, no workgroup memory.
//
// Includer  has `enable subgroups;` and includes operands.wgsl and an epilogue with fn store_four

#include "../parts/right_block.wgsl"
#include "../parts/strip_main.wgsl"

override ALONG_K: bool = TRANSPOSE_B;

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
  let lines = lines_of_block(starts, k, n);
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

// a[row + 4 quad .. + 3, k .. k + 3].
fn rows_of_a(quad: u32) -> mat4x4f {
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

fn tasks() -> u32 {
  return params.batch * strips_of_rows(params.M) * strips_of_columns(params.N);
}

fn task(i: u32, invocation: u32, lane: u32) {
  let strips = strips_of_rows(params.M);
  let row = i % strips * ROWS;
  let blocks = strips_of_columns(params.N);
  let batch = i / strips / blocks;
  let column = 4u * (i / strips % blocks * WORKGROUP + invocation);
  // Lanes beyond the last column keep their subgroup company and repeat it.
  let n = min(column, (params.N - 1u) / 4u * 4u);
  var from_b = first_lines(batch * params.batch_stride_b, n);
  let base_a = batch * params.batch_stride_a;
  var from_a = vec4u(
    first_line_a(base_a, row, 0u, lane),
    first_line_a(base_a, row, 1u, lane),
    first_line_a(base_a, row, 2u, lane),
    first_line_a(base_a, row, 3u, lane)
  );
  let step_a = select(4u, 4u * params.M, TRANSPOSE_A);
  let step_b = select(4u * params.N, 4u, TRANSPOSE_B);

  for (var k = 0u; k < params.K; k += 4u) {
    load_share(0u, from_a.x, lane, row, k);
    if (ROWS > SUBGROUP) {
      load_share(1u, from_a.y, lane, row, k);
    }
    if (ROWS > 2u * SUBGROUP) {
      load_share(2u, from_a.z, lane, row, k);
      load_share(3u, from_a.w, lane, row, k);
    }
    add_products(block_b(from_b, k, n));
    from_a += step_a;
    from_b += step_b;
  }

  let count = remaining(column, params.N);
  var factor = vec4f(params.scale);
  if (B_TYPE == INT8 && TRANSPOSE_B) {
    factor *= scales_b(n, params.N);
  }
  var sums = strip_sums();
  var own_bias = vec4f();
  for (var r = 0u; r < ROWS && row + r < params.M; r++) {
    if (params.has_bias != 0u && (r == 0u || params.bias_stride_m != 0u)) {
      own_bias = bias_four(row + r, column, count);
    }
    let first = out_index(batch, row + r, column);
    store_four(first, count, factor * sums[r / 4u][r % 4u], own_bias);
  }
}
