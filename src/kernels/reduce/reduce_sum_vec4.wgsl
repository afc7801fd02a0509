// reduce_sum.wgsl with one invocation per four sums side by side: a software adapter's lanes load vectors more cheaply.
//
// Shapes    as sum_of_line.wgsl has them, inner a multiple of 4
// Dispatch  one item per vector of out
// Saved for backward: nothing

#include "../parts/each_item.wgsl"

alias Element = vec4f;

#include "sum_of_line.wgsl"
