// Mean of a row and the inverse of its standard deviation, by one invocation, in vectors of four.
//
// Includer  declares x: array<vec4f> and params (row_params.wgsl)

fn sum(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

fn statistics(start: u32, vectors: u32) -> vec2f {
  var total = vec4f();
  for (var k = 0u; k < vectors; k++) {
    total += x[start + k];
  }
  let center = sum(total) / f32(params.width);
  // Second pass: squares of x itself would lose the variance of rows that lie far from 0.
  var squares = vec4f();
  for (var k = 0u; k < vectors; k++) {
    let deviation = x[start + k] - center;
    squares += deviation * deviation;
  }
  return vec2f(center, 1.0 / sqrt(sum(squares) / f32(params.width) + params.epsilon));
}
