// Sums of products that several of this folder's kernels need.
//
// Includer  is any of them

const hidden = -1e30; // the score of a key that a query must not see

// sum + a . b: four multiply-adds; the built-in dot costs an addition more.
fn add_dot(sum: f32, a: vec4f, b: vec4f) -> f32 {
  return fma(a.x, b.x, fma(a.y, b.y, fma(a.z, b.z, fma(a.w, b.w, sum))));
}

// Adds the products of x with four rows' vectors, one each: a query's scores of four keys.
fn add_products(sums: vec4f, x: vec4f, rows: mat4x4f) -> vec4f {
  return vec4f(
    add_dot(sums.x, x, rows[0]),
    add_dot(sums.y, x, rows[1]),
    add_dot(sums.z, x, rows[2]),
    add_dot(sums.w, x, rows[3])
  );
}

// sum + weights . rows: four rows' vectors by their weights.
fn add_rows(sum: vec4f, weights: vec4f, rows: mat4x4f) -> vec4f {
  return fma(
    vec4f(weights.x),
    rows[0],
    fma(vec4f(weights.y), rows[1], fma(vec4f(weights.z), rows[2], fma(vec4f(weights.w), rows[3], sum)))
  );
}

fn highest_of(x: vec4f) -> f32 {
  return max(max(x.x, x.y), max(x.z, x.w));
}

fn sum_of(x: vec4f) -> f32 {
  return x.x + x.y + x.z + x.w;
}
