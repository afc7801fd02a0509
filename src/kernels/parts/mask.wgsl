// A pixel of a mask, which is an f32, or a byte of a packed word.
//
// Includer  declares mask: array<u32>, and includes byte.wgsl

override MASK_BYTES: bool = false;

fn mask_at(i: u32) -> f32 {
  if (MASK_BYTES) {
    return f32(byte_of(mask[i / 4u], i));
  }
  return bitcast<f32>(mask[i]);
}
