// l2norm_grad.wgsl with one invocation per row, for software adapters: no barriers, vectors of four.
//
// Shapes    as l2norm_grad_row.wgsl has them, width a multiple of 4
// Dispatch  one item per row

#include "../parts/row_of_invocation.wgsl"
#include "l2norm_grad_row.wgsl"
