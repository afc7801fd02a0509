// How much of a vector of four lies inside.
//
// Includer  declares nothing

// How many of four neighbours from `start` on are below `end`.
fn remaining(start: u32, end: u32) -> u32 {
  return min(4u, max(start, end) - start);
}
