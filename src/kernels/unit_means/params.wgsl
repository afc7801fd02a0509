// Uniforms of unit_means.wgsl and its gradient.
//
// Includer  declares nothing; its tensors begin at binding 1

struct Params {
  groups: u32,
  members: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
