// With u = x / |x|: dx = (du - u (u . du)) / |x|. dfirst has the sum of the groups' du, and what is added to it; each member
// of a group has its share of the mean's dx.
//
// Shapes    out and dout [groups, 2, width], inverse_norm [groups, 2], addend and dfirst [width],
//           drest [groups, members, width]
// Dispatch  one task for dfirst, then one per group

#include "../parts/each_workgroup.wgsl"
#include "../parts/tree_sum.wgsl"
#include "params.wgsl"

override ADDEND: bool = false;

@group(0) @binding(1) var<storage, read> out: array<f32>;
@group(0) @binding(2) var<storage, read> inverse_norm: array<f32>;
@group(0) @binding(3) var<storage, read> dout: array<f32>;
@group(0) @binding(4) var<storage, read> addend: array<f32>;
@group(0) @binding(5) var<storage, read_write> dfirst: array<f32>;
@group(0) @binding(6) var<storage, read_write> drest: array<f32>;

alias Partial = f32;

fn tasks() -> u32 {
  return 1u + params.groups;
}

// Element k of du: of the first vector summed over the groups, of a group's mean.
fn upstream(group: u32, mean: bool, k: u32) -> f32 {
  if (mean) {
    return dout[(2u * group + 1u) * params.width + k];
  }
  var sum = 0.0;
  for (var g = 0u; g < params.groups; g++) {
    sum += dout[2u * g * params.width + k];
  }
  return sum;
}

fn task(i: u32, lane: u32) {
  let mean = i > 0u;
  let group = select(0u, i - 1u, mean);
  let vector = 2u * group + u32(mean);
  let start = vector * params.width;
  var product = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    product += out[start + k] * upstream(group, mean, k);
  }
  let along = tree_sum(product, lane);
  let inverse = inverse_norm[vector];
  for (var k = lane; k < params.width; k += WORKGROUP) {
    var dx = inverse * (upstream(group, mean, k) - along * out[start + k]);
    if (mean) {
      for (var member = 0u; member < params.members; member++) {
        drest[(group * params.members + member) * params.width + k] = dx / f32(params.members);
      }
    } else {
      if (ADDEND) {
        dx += addend[k];
      }
      dfirst[k] = dx;
    }
  }
}
