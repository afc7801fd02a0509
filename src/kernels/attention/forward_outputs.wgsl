// What the forward kernels write.
//
// Includer  includes rows_with_prefix.wgsl too
// Shapes    out [sequences, length, heads * head_dim]; lse [sequences, heads, length], the log of each query's sum of
//           exponentials

#include "arithmetic.wgsl"

@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;
