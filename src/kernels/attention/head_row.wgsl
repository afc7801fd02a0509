// Rows of heads of 32 or 64 in registers, and what a subgroup's lanes do with its first four's: every vector is named by a
// constant, since an adapter with narrow vectors and no unrolling (SwiftShader) takes an array that a loop indexes apart,
// lane by lane.
//
// Includer  has `enable subgroups;`, includes own_rows.wgsl

override WIDE: bool = false; // heads of 64, not of 32

// A head's row: a vector per column; c and d where WIDE.
struct HeadRow {
  a: mat4x4f,
  b: mat4x4f,
  c: mat4x4f,
  d: mat4x4f,
}

fn own_row(start: u32) -> HeadRow {
  var row: HeadRow;
  row.a = own_vectors(start, 0u);
  row.b = own_vectors(start, 4u);
  if (WIDE) {
    row.c = own_vectors(start, 8u);
    row.d = own_vectors(start, 12u);
  }
  return row;
}

fn own_vectors(start: u32, c: u32) -> mat4x4f {
  return mat4x4f(own_vector(start, c), own_vector(start, c + 1u), own_vector(start, c + 2u), own_vector(start, c + 3u));
}

fn scaled(x: HeadRow, by: f32) -> HeadRow {
  var row = x;
  row.a *= by;
  row.b *= by;
  if (WIDE) {
    row.c *= by;
    row.d *= by;
  }
  return row;
}

// The first four lanes' numbers.
fn four(x: f32) -> vec4f {
  return vec4f(
    subgroupBroadcast(x, 0u),
    subgroupBroadcast(x, 1u),
    subgroupBroadcast(x, 2u),
    subgroupBroadcast(x, 3u)
  );
}

// The first four lanes' vectors, a column each.
fn four_vectors(x: vec4f) -> mat4x4f {
  return mat4x4f(
    subgroupBroadcast(x, 0u),
    subgroupBroadcast(x, 1u),
    subgroupBroadcast(x, 2u),
    subgroupBroadcast(x, 3u)
  );
}

// Products of the lane's own row x with the first four lanes' rows.
fn products(x: HeadRow, rows: HeadRow) -> vec4f {
  var sums = products_of(x.a, rows.a) + products_of(x.b, rows.b);
  if (WIDE) {
    sums += products_of(x.c, rows.c) + products_of(x.d, rows.d);
  }
  return sums;
}

fn products_of(x: mat4x4f, rows: mat4x4f) -> vec4f {
  return x[0] * four_vectors(rows[0]) + x[1] * four_vectors(rows[1]) + x[2] * four_vectors(rows[2])
    + x[3] * four_vectors(rows[3]);
}

// sum + the first four lanes' rows, each times its weight.
fn add_weighted(sum: HeadRow, weights: vec4f, rows: HeadRow) -> HeadRow {
  var row = sum;
  row.a += weighted(weights, rows.a);
  row.b += weighted(weights, rows.b);
  if (WIDE) {
    row.c += weighted(weights, rows.c);
    row.d += weighted(weights, rows.d);
  }
  return row;
}

fn weighted(weights: vec4f, rows: mat4x4f) -> mat4x4f {
  return mat4x4f(
    four_vectors(rows[0]) * weights,
    four_vectors(rows[1]) * weights,
    four_vectors(rows[2]) * weights,
    four_vectors(rows[3]) * weights
  );
}

// Vector c of a row, for what happens once in a row.
fn vector_of(row: HeadRow, c: u32) -> vec4f {
  var vectors = array(row.a, row.b, row.c, row.d);
  return vectors[c / 4u][c % 4u];
}
