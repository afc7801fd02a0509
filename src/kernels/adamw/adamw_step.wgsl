// A step of AdamW for one Element.
//
// Includer  declares alias Element: f32, or vec4f where four elements are one

#include "../adam/moments.wgsl"
#include "../parts/each_several_counted.wgsl"

struct Params {
  count: u32, // Elements
  beta1: f32,
  beta2: f32,
  one_minus_beta1: f32,
  one_minus_beta2: f32,
  epsilon: f32,
  decay: f32,
  largest: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

fn item(i: u32) {
  let kept = parameter[i] - parameter[i] * (schedule[2] * params.decay);
  parameter[i] = min(kept - moved(i), Element(params.largest));
}
