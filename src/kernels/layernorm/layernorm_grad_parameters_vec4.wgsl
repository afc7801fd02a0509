// The gradients of a layer norm's weight and bias, summed over blocks of rows, by vectors of columns.
//
// Shapes    as parameter_sums.wgsl has them, width a multiple of 4: for software adapters
// Dispatch  one item per vector of dweight_partial

#include "../parts/each_item.wgsl"

alias Element = vec4f;

#include "parameter_sums.wgsl"
