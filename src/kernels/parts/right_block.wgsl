// Blocks [k .. k + 3, n .. n + 3] of a product's right operand, line by line as they lie in memory.
//
// Includer  declares override ALONG_K: bool, whether lines lie along K ([N, K]) or along the columns ([K, N]);
//           params with N and K, and fn load_b(i: u32, count: u32) -> vec4f: four neighbours, those from `count` on being 0

#include "remaining.wgsl"

// Where the four lines of the block [0 .. 3, n .. n + 3] begin.
fn first_lines(base: u32, n: u32) -> vec4u {
  if (ALONG_K) {
    // Lines past the last column repeat it: their sums are not stored.
    return base + min(n + vec4u(0u, 1u, 2u, 3u), vec4u(params.N - 1u)) * params.K;
  }
  return base + n + vec4u(0u, 1u, 2u, 3u) * params.N;
}

// The block's lines, which begin at `starts`; 0 outside of the operand.
fn lines_of_block(starts: vec4u, k: u32, n: u32) -> mat4x4f {
  // Along K a line ends with it; along the columns it ends with theirs, and there are as many lines as K has left.
  var counts = vec4u(remaining(k, params.K));
  if (!ALONG_K) {
    counts = select(vec4u(), vec4u(remaining(n, params.N)), k + vec4u(0u, 1u, 2u, 3u) < vec4u(params.K));
  }
  return mat4x4f(
    load_b(starts.x, counts.x),
    load_b(starts.y, counts.y),
    load_b(starts.z, counts.z),
    load_b(starts.w, counts.w)
  );
}
