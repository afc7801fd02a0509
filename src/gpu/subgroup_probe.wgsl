// Compiles where a device can be asked for subgroups of SUBGROUP lanes; never run.

enable subgroups;
enable subgroup_size_control;

override SUBGROUP: u32 = 32u;

@group(0) @binding(0) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(SUBGROUP) @subgroup_size(SUBGROUP)
fn main(@builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) size: u32) {
  out[lane] = size;
}
