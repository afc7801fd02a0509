// The upstream gradient's row of a head.
//
// Includer  includes upstream_rows.wgsl and head_row.wgsl

fn upstream_row(start: u32) -> HeadRow {
  var row: HeadRow;
  row.a = dout_vectors(start, 0u);
  row.b = dout_vectors(start, 4u);
  if (WIDE) {
    row.c = dout_vectors(start, 8u);
    row.d = dout_vectors(start, 12u);
  }
  return row;
}

fn dout_vectors(start: u32, c: u32) -> mat4x4f {
  return mat4x4f(
    dout_vector(start, c),
    dout_vector(start, c + 1u),
    dout_vector(start, c + 2u),
    dout_vector(start, c + 3u)
  );
}
