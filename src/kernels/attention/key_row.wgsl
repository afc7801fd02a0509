// A key's (value's) row of a head, counted from the prefix's first.
//
// Includer  includes rows_with_prefix.wgsl and head_row.wgsl

fn key_row(sequence: u32, key: u32, column: u32) -> HeadRow {
  var row: HeadRow;
  row.a = key_vectors(sequence, key, column, 0u);
  row.b = key_vectors(sequence, key, column, 4u);
  if (WIDE) {
    row.c = key_vectors(sequence, key, column, 8u);
    row.d = key_vectors(sequence, key, column, 12u);
  }
  return row;
}

fn key_vectors(sequence: u32, key: u32, column: u32, c: u32) -> mat4x4f {
  return mat4x4f(
    key_vector(sequence, key, column, c),
    key_vector(sequence, key, column, c + 1u),
    key_vector(sequence, key, column, c + 2u),
    key_vector(sequence, key, column, c + 3u)
  );
}
