// out = scale * sum of x over the middle dimension + addend, one invocation per sum.
//
// Shapes    as sum_of_line.wgsl has them
// Dispatch  one item per element of out
// Saved for backward: nothing. For short or many sums; reduce_sum_tree.wgsl serves few long ones.

#include "../parts/each_item.wgsl"

alias Element = f32;

#include "sum_of_line.wgsl"
