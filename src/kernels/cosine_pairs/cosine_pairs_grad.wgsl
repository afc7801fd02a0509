// dfeatures_i = dout / |f_i| * sum over j of sign(c_ij) (f_j / |f_j| - c_ij f_i / |f_i|), with sign(0) = 0; and addend.
//
// Shapes    features, addend and dfeatures [rows, width], cosine [rows, rows] (0 on the diagonal), inverse_norm [rows],
//           dout []
// Dispatch  one item per element of dfeatures

#include "../parts/each_element.wgsl"
#include "../parts/rows_of_width.wgsl"

override ADDEND: bool = false;

@group(0) @binding(1) var<storage, read> features: array<f32>;
@group(0) @binding(2) var<storage, read> cosine: array<f32>;
@group(0) @binding(3) var<storage, read> inverse_norm: array<f32>;
@group(0) @binding(4) var<storage, read> dout: array<f32>;
@group(0) @binding(5) var<storage, read> addend: array<f32>;
@group(0) @binding(6) var<storage, read_write> dfeatures: array<f32>;

fn element(i: u32, column: u32) {
  let at = i * params.width + column;
  let own = features[at] * inverse_norm[i];
  var sum = 0.0;
  for (var j = 0u; j < params.rows; j++) {
    let c = cosine[i * params.rows + j];
    sum += sign(c) * (features[j * params.width + column] * inverse_norm[j]) - abs(c) * own;
  }
  var value = dout[0] * inverse_norm[i] * sum;
  if (ADDEND) {
    value += addend[at];
  }
  dfeatures[at] = value;
}
