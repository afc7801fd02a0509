// dx = (dout - out * sum of out * dout) / |x| over the last dimension; 0 for a row of zeros.
//
// Shapes    as l2norm_grad_row.wgsl has them
// Dispatch  one workgroup per row

#include "../parts/row_of_workgroup.wgsl"
#include "l2norm_grad_row.wgsl"
