// Bytes packed four to a word, the lowest first.
//
// Includer  declares nothing

fn byte_of(word: u32, i: u32) -> u32 {
  return extractBits(word, 8u * (i % 4u), 8u);
}
