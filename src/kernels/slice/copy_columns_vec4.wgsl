// copy_columns.wgsl for rows and offsets that are whole vec4s.
//
// Shapes    as copy_columns.wgsl, in vec4s
// Dispatch  one item per vec4 written
// Saved for backward: nothing

#include "copy_columns_any.wgsl"

alias Element = vec4u;
