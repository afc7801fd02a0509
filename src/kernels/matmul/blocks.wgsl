// Blocks of 4 x 4 of a product's operands.
//
// Includer  includes operands.wgsl too

fn line_b(start: u32, line: u32, end: u32, stride: u32, count: u32) -> vec4f {
  let values = load_b(start + min(line, end) * stride, select(0u, count, line <= end));
  if (B_TYPE == INT8) {
    return values * scale_b(min(line, end));
  }
  return values;
}

// b[k .. k + 3, n .. n + 3], a column per k; what lies outside of b is 0, or repeats b where it is never stored.
fn block_b(base: u32, k: u32, n: u32) -> mat4x4f {
  let end = select(params.K, params.N, TRANSPOSE_B) - 1u;
  let line = select(k, n, TRANSPOSE_B);
  let start = base + select(n, k, TRANSPOSE_B);
  let stride = select(params.N, params.K, TRANSPOSE_B);
  let count = select(remaining(n, params.N), remaining(k, params.K), TRANSPOSE_B);
  let lines = mat4x4f(
    line_b(start, line, end, stride, count),
    line_b(start, line + 1u, end, stride, count),
    line_b(start, line + 2u, end, stride, count),
    line_b(start, line + 3u, end, stride, count)
  );
  if (TRANSPOSE_B) {
    return transpose(lines);
  }
  return lines;
}

fn line_a(start: u32, line: u32, end: u32, stride: u32, count: u32) -> vec4f {
  return load_a(start + min(line, end) * stride, select(0u, count, line <= end));
}

// a[m .. m + 3, k .. k + 3], a column per row; what lies outside of a is 0, or repeats a where it is never stored.
fn block_a(base: u32, m: u32, k: u32) -> mat4x4f {
  let end = select(params.M, params.K, TRANSPOSE_A) - 1u;
  let line = select(m, k, TRANSPOSE_A);
  let start = base + select(k, m, TRANSPOSE_A);
  let stride = select(params.K, params.M, TRANSPOSE_A);
  let count = select(remaining(k, params.K), remaining(m, params.M), TRANSPOSE_A);
  let lines = mat4x4f(
    line_a(start, line, end, stride, count),
    line_a(start, line + 1u, end, stride, count),
    line_a(start, line + 2u, end, stride, count),
    line_a(start, line + 3u, end, stride, count)
  );
  if (TRANSPOSE_A) {
    return transpose(lines);
  }
  return lines;
}
