// A row of layernorm_grad.wgsl and layernorm_grad_serial.wgsl.
//
// Includer  includes row_of_workgroup.wgsl or row_of_invocation.wgsl
//           With TAKEN the rows first_row .. of dx go to dtokens instead and become 0: tokens had replaced those of x.
// Shapes    dout, x, addend and dx [rows, width], weight [width], dtokens [count, width]

#include "statistics.wgsl"

override ADDEND: bool = false;
override TAKEN: bool = false;

@group(0) @binding(3) var<storage, read> dout: array<Element>;
@group(0) @binding(4) var<storage, read> addend: array<Element>;
@group(0) @binding(5) var<storage, read_write> dx: array<Element>;
@group(0) @binding(6) var<storage, read_write> dtokens: array<Element>;

fn task(row: u32, lane: u32) {
  let start = row * row_length();
  let found = statistics(start, lane); // as the forward's, to the bit
  let center = found.x;
  let scale = found.y;
  var sums = Pair(); // of d and d * xhat
  for (var k = lane; k < row_length(); k += LANES) {
    let d = dout[start + k] * weight[k];
    sums += Pair(d, d * ((x[start + k] - center) * scale));
  }
  let means = row_sums(sums, lane) / f32(params.width);
  for (var k = lane; k < row_length(); k += LANES) {
    let d = dout[start + k] * weight[k];
    let normalized = (x[start + k] - center) * scale;
    // A row of one element is constant: exactly 0, also where the compiler fuses multiplication and subtraction.
    var value = select(scale * (d - means.x - normalized * means.y), Element(), params.width == 1u);
    if (ADDEND) {
      value += addend[start + k];
    }
    if (TAKEN) {
      if (row >= params.first_row && row < params.first_row + params.count) {
        dtokens[(row - params.first_row) * row_length() + k] = value;
        value = Element();
      }
    }
    dx[start + k] = value;
  }
}
