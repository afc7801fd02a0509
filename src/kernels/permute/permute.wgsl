// out = x with its dimensions in another order.
//
// Shapes    out [d0, d1, d2, d3, d4] after the host's merging, any type of 4 bytes an element: bits are copied.
//           `strides` are those of x along the dimensions of out, `outer_stride` the one along d0
// Dispatch  one item per element of out
// Saved for backward: nothing

#include "permute_any.wgsl"

alias Element = u32;
