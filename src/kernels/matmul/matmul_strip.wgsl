// out = activation(scale * a b + bias) + residual, for software adapters with subgroups: registers and vector loads,
// no workgroup memory.
//
// Shapes    as operands.wgsl and epilogue.wgsl have them; for a short N the host swaps the operands and
//           the strides of out and bias
// Dispatch  one workgroup per ROWS rows and 4 * WORKGROUP columns of out; each lane owns 4 columns. Along K, four at a
//           time, the lanes of a subgroup load the ROWS rows' values of a once and pass them round.
// Saved for backward: preactivation, on request

enable subgroups;
enable subgroup_size_control;

#include "operands.wgsl"
#include "epilogue.wgsl"
#include "strip.wgsl"
