// workgroup_main.wgsl for workgroups of a size that the host chooses.
//
// Includer  declares fn tasks() -> u32 and fn task(i: u32, lane: u32)

#include "workgroup_main.wgsl"

override WORKGROUP: u32 = 64u; // a power of two
