// Bits of a float as an integer of the same order: -0 and 0 are equal, NaN is above everything, as in PyTorch. No
// comparison of floats: shaders may assume that there is no NaN.
//
// Includer  declares nothing

fn sort_key(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return 0xffffffffu;
  }
  return select(0x80000000u + magnitude, 0x80000000u - magnitude, bits >> 31u == 1u);
}
