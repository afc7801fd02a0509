// One pass of Pillow's resize: a weighted sum along the middle dimension in integers, rounded back to 8 bits.
//
// Shapes    image [outer, size_in, inner] and out [outer, size_out, inner] of bytes, packed four to a word; output o is
//           the sum over t < spans[2 o + 1] of weights[o * taps + t] * image[spans[2 o] + t], weights having 22
//           fractional bits
// Dispatch  one invocation per word (four consecutive bytes) of out, so that no two write the same word; WORKGROUP per
//           workgroup, workgroups spread over x and y
// Saved for backward: nothing (bytes have no gradient)

#include "../parts/byte.wgsl"
#include "../parts/each_item.wgsl"

struct Params {
  count: u32, // bytes of out
  size_in: u32,
  size_out: u32,
  inner: u32,
  taps: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read> spans: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<u32>;

fn items() -> u32 {
  return (params.count + 3u) / 4u;
}

fn item(word: u32) {
  let begin = 4u * word;
  let end = min(begin + 4u, params.count);
  var column = begin % params.inner;
  var o = begin / params.inner % params.size_out;
  var outer = begin / params.inner / params.size_out;
  var packed = 0u;
  for (var i = begin; i < end; i++) {
    let first = spans[2u * o];
    let length = spans[2u * o + 1u];
    var at = (outer * params.size_in + first) * params.inner + column;
    var sum = 1 << 21u; // one half: the shift below rounds
    for (var t = 0u; t < length; t++) {
      let byte = byte_of(image[at / 4u], at);
      sum += weights[o * params.taps + t] * i32(byte);
      at += params.inner;
    }
    packed |= u32(clamp(sum >> 22u, 0, 255)) << (8u * (i - begin));

    // The next byte's place.
    column++;
    if (column == params.inner) {
      column = 0u;
      o++;
      if (o == params.size_out) {
        o = 0u;
        outer++;
      }
    }
  }
  out[word] = packed;
}
