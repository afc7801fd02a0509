// What expand.wgsl and expand_vec4.wgsl share.
//
// Includer  declares params

struct Params {
  count: u32, // items: elements of out, or vec4s of it
  scale: f32,
  offset: f32,
  shape: vec4u,
  strides: vec4u,
}

@group(0) @binding(0) var<uniform> params: Params;

fn items() -> u32 {
  return params.count;
}
