// The sum of all lanes' values, by a tree, in the same order every time.
//
// Includer  declares alias Partial, f32 or a vector of it. Called by all lanes of a workgroup; before a second reduction
//           a workgroupBarrier, as lanes may still be reading the first one's result.

#include "tree.wgsl"

fn tree_sum(value: Partial, lane: u32) -> Partial {
  lane_values[lane] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      lane_values[lane] += lane_values[lane + half];
    }
    workgroupBarrier();
  }
  return lane_values[0];
}
