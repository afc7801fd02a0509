// matmul_strip.wgsl for results of a multiple of four columns, which are written in vectors.
//
// Shapes    as operands.wgsl and epilogue_quads.wgsl have them
// Dispatch  as matmul_strip.wgsl
// Saved for backward: preactivation, on request

enable subgroups;
enable subgroup_size_control;

#include "operands.wgsl"
#include "epilogue_quads.wgsl"
#include "strip.wgsl"
