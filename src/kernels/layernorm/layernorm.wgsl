// out = (x - mean) / std * weight + bias over the last dimension.
//
// Shapes    as layernorm_row.wgsl has them
// Dispatch  one workgroup per row

#include "../parts/row_of_workgroup.wgsl"
#include "layernorm_row.wgsl"
