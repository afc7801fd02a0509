// dx = addend + (d - mean(d) - xhat * mean(d * xhat)) / std with d = dout * weight and xhat = (x - mean) / std.
//
// Shapes    as layernorm_grad_row.wgsl has them
// Dispatch  one workgroup per row

#include "../parts/row_of_workgroup.wgsl"
#include "layernorm_grad_row.wgsl"
