// The largest of all lanes' values, by a tree.
//
// Includer  as of tree_sum.wgsl

#include "tree.wgsl"

fn tree_max(value: Partial, lane: u32) -> Partial {
  lane_values[lane] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      lane_values[lane] = max(lane_values[lane], lane_values[lane + half]);
    }
    workgroupBarrier();
  }
  return lane_values[0];
}
