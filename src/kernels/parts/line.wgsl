// A line along the middle dimension of a tensor [outer, length, inner]: its elements lie `inner` apart.
//
// Includer  declares nothing

// Where the line of one (outer, inner), counted together, begins.
fn line_start(line: u32, length: u32, inner: u32) -> u32 {
  return line / inner * length * inner + line % inner;
}
