// What layer norms and their gradients read, and the mean and the inverse of the standard deviation of a row.
//
// Includer  includes row_of_workgroup.wgsl or row_of_invocation.wgsl
// Shapes    x [rows, width], weight [width]

struct Params {
  rows: u32,
  width: u32,
  epsilon: f32, // added to the variance
  first_row: u32, // of the rows whose gradient goes to the tokens that had replaced them
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Element>;
@group(0) @binding(2) var<storage, read> weight: array<Element>;

// (mean, 1 / std) of the row whose first Element is x[start].
fn statistics(start: u32, lane: u32) -> vec2f {
  var total = Element();
  for (var k = lane; k < row_length(); k += LANES) {
    total += x[start + k];
  }
  let center = row_sum(total, lane) / f32(params.width);
  // Second pass: squares of x itself would lose the variance of rows that lie far from 0.
  var squares = Element();
  for (var k = lane; k < row_length(); k += LANES) {
    let deviation = x[start + k] - center;
    squares += deviation * deviation;
  }
  return vec2f(center, 1.0 / sqrt(row_sum(squares, lane) / f32(params.width) + params.epsilon));
}
