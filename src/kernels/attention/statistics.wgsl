// What the gradient kernels with an invocation per row know of each query's softmax.
//
// Includer  is one of them
// Shapes    statistics [sequences, heads, length] of (lse, delta), by attention_statistics.wgsl

@group(0) @binding(7) var<storage, read> statistics: array<vec2f>;
