// A convolution of images with channels last, or the derivative with respect to its input; for software adapters with
// subgroups: registers and vector loads, no workgroup memory.
//
// Shapes    as operands.wgsl has them
// Dispatch  one for a few taps, so that their weights for 4 * WORKGROUP channels stay in a core's cache; in it one
//           workgroup per ROWS pixels of out and 4 * WORKGROUP of its channels; each lane owns 4 channels. For every
//           tap, along K, four at a time, the lanes of a subgroup load the values of x that belong to the ROWS pixels
//           once and pass them round: a product of matrices whose left rows are gathered as they are read.
// Saved for backward: nothing

enable subgroups;
enable subgroup_size_control;

#include "operands.wgsl"
#include "../parts/strip_main.wgsl"

// The lane's row `place` under a tap, as source_row has it.
fn own_row(first: u32, place: u32, lane: u32, tap_y: u32, tap_x: u32) -> vec2u {
  return source_row(first + (place * SUBGROUP + lane % SUBGROUP) % ROWS, tap_y, tap_x);
}

fn rows_of_a(quad: u32) -> mat4x4f {
  return broadcast_four(4u * quad);
}

fn tasks() -> u32 {
  return strips_of_rows(params.rows) * strips_of_columns(params.N);
}

fn task(i: u32, invocation: u32, lane: u32) {
  let strips = strips_of_rows(params.rows);
  let first = i % strips * ROWS;
  let channel = 4u * (i / strips * WORKGROUP + invocation);
  // Lanes beyond the last channel keep their subgroup company and repeat it.
  let n = min(channel, (params.N - 1u) / 4u * 4u);

  let step = select(4u, 4u * params.N, TRANSPOSED);

  for (var tap = params.first_tap; tap < params.end_tap; tap++) {
    let tap_y = tap / params.kernel_width;
    let tap_x = tap % params.kernel_width;
    let start0 = own_row(first, 0u, lane, tap_y, tap_x);
    let start1 = own_row(first, 1u, lane, tap_y, tap_x);
    let start2 = own_row(first, 2u, lane, tap_y, tap_x);
    let start3 = own_row(first, 3u, lane, tap_y, tap_x);
    var from_weight = first_lines(tap * params.N * params.K, n);
    for (var k = 0u; k < params.K; k += 4u) {
      share[0u] = line_x(start0, k);
      if (ROWS > SUBGROUP) {
        share[1u] = line_x(start1, k);
      }
      if (ROWS > 2u * SUBGROUP) {
        share[2u] = line_x(start2, k);
        share[3u] = line_x(start3, k);
      }
      add_products(block_weight(from_weight, k, n));
      from_weight += step;
    }
  }

  let count = remaining(channel, params.N);
  var sums = strip_sums();
  for (var r = 0u; r < ROWS && first + r < params.rows; r++) {
    let values = sums[r / 4u][r % 4u];
    for (var j = 0u; j < count; j++) {
      let at = (first + r) * params.N + channel + j;
      var value = values[j];
      if (params.first_tap > 0u) {
        value += out[at];
      } else if (params.has_bias != 0u) {
        value += bias[channel + j];
      }
      out[at] = value;
    }
  }
}
