// What the forward kernels write.
//
// Includer  includes rows_with_prefix.wgsl too
// Shapes    out [sequences, length, heads * head_dim]; lse [sequences, heads, length], the log of each query's sum of
//           exponentials

@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;

const hidden = -1e30; // the score of a key that a query must not see

// sum + a . b: four multiply-adds; the built-in dot costs an addition more.
fn add_dot(sum: f32, a: vec4f, b: vec4f) -> f32 {
  return fma(a.x, b.x, fma(a.y, b.y, fma(a.z, b.z, fma(a.w, b.w, sum))));
}
