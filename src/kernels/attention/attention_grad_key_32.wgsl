// d key and d value as attention_grad_key_subgroup.wgsl has them, of heads of 32.
//
// Shapes    as key_gradient.wgsl and its parts have them
// Dispatch  one subgroup = workgroup per SUBGROUP * ROWS key rows of one sequence and head, spread over x and y

enable subgroups;
enable subgroup_size_control;

#include "key_gradient.wgsl"
#include "arithmetic.wgsl"

const VECTORS = 8u;

#include "key_known.wgsl"
