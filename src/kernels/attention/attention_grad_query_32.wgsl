// d query as attention_grad_query_subgroup.wgsl has it, of heads of 32.
//
// Shapes    as query_gradient.wgsl and its parts have them
// Dispatch  one subgroup = workgroup per SUBGROUP * ROWS queries of one sequence and head, spread over x and y

enable subgroups;
enable subgroup_size_control;

#include "query_gradient.wgsl"
#include "arithmetic.wgsl"

const VECTORS = 8u;

#include "query_known.wgsl"
