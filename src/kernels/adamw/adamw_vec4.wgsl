// adamw.wgsl for a multiple of four elements, in vectors: a software adapter loads and stores them more cheaply.
//
// Shapes    as adamw.wgsl has them
// Dispatch  ITEMS vectors per invocation
// Saved for backward: nothing; there is none

alias Element = vec4f;

#include "adamw_step.wgsl"
