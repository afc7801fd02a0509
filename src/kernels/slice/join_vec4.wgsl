// join.wgsl for parts whose widths are whole vec4s.
//
// Shapes    as join.wgsl, in vec4s
// Dispatch  one item per vec4 of out

#include "join_any.wgsl"

alias Element = vec4u;
alias Numbers = vec4f;
