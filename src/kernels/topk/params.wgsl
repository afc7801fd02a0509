// Uniforms of topk_rank.wgsl, topk_select.wgsl.
//
// Includer  declares nothing; its tensors begin at binding 1

struct Params {
  rows: u32,
  width: u32,
  k: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
