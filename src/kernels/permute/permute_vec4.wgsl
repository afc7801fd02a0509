// permute.wgsl where the last dimension stays last and holds whole vec4s: shape and strides count vec4s.
//
// Shapes    as permute.wgsl, in vec4s
// Dispatch  one item per vec4 of out
// Saved for backward: nothing

#include "permute_any.wgsl"

alias Element = vec4u;
