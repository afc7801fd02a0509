// out = activation(scale * a b + bias) + residual on matrix units that multiply 8 x 8 by 8 x 8: Mesa's software adapter
// from version 26 on. What it does: units.wgsl.
//
// Shapes    as operands.wgsl and epilogue.wgsl have them
// Dispatch  as units.wgsl has it
// Saved for backward: preactivation, on request

enable f16;
enable subgroups;
enable subgroup_size_control;
enable chromium_experimental_subgroup_matrix;
// Whether the scale rises is the same for all lanes, which read it from workgroup memory.
diagnostic(off, chromium.subgroup_matrix_uniformity);

const UNIT_M = 8u;
const UNIT_N = 8u;
const UNIT_K = 8u;

#include "units.wgsl"
