// Uniforms of topk_rank.wgsl, topk_select.wgsl.
//
// Includer  declares var<uniform> params: Params

struct Params {
  rows: u32,
  length: u32,
  k: u32,
}
