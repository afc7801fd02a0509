// The gradients of a layer norm's weight and bias, summed over blocks of rows.
//
// Shapes    as parameter_sums.wgsl has them
// Dispatch  one item per element of dweight_partial

#include "../parts/each_item.wgsl"

alias Element = f32;

#include "parameter_sums.wgsl"
