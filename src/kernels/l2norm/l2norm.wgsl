// out = x / |x| over the last dimension; a row of zeros gives zeros.
//
// Shapes    as l2norm_row.wgsl has them
// Dispatch  one workgroup per row

#include "../parts/row_of_workgroup.wgsl"
#include "l2norm_row.wgsl"
