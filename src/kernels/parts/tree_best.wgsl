// The best of all lanes' candidates, by a tree: the largest key, among equals the lowest index.
//
// Includer  declares alias Key, f32 or u32. Called by all lanes of a workgroup; before a second call a workgroupBarrier.

struct Candidate {
  key: Key,
  index: u32,
}

var<workgroup> candidates: array<Candidate, WORKGROUP>;

fn tree_best(own: Candidate, lane: u32) -> Candidate {
  candidates[lane] = own;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      let other = candidates[lane + half];
      let best = candidates[lane];
      if (other.key > best.key || (other.key == best.key && other.index < best.index)) {
        candidates[lane] = other;
      }
    }
    workgroupBarrier();
  }
  return candidates[0];
}
