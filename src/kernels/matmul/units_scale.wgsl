// The powers of two by which a workgroup lifts an operand, so that f16 holds it and what it rounds off.
//
// Includer  units.wgsl, which clears the peaks by being a new workgroup

// Largest finite magnitudes, as bits, that call for a scale.
var<workgroup> peak_a: atomic<u32>;
var<workgroup> peak_b: atomic<u32>;

const LIMIT = 32768.0; // half of what f16 holds
const LARGEST = 3.4028234e38; // that f32 holds, to the next below

// The largest magnitudes of eight values; NaN counts for none. The second leaves out what is infinite.
fn largest_of(values: Eight) -> f32 {
  let four = max(abs(bitcast<vec4f>(values.first)), abs(bitcast<vec4f>(values.second)));
  return max(max(four.x, four.y), max(four.z, four.w));
}

fn largest_finite(values: Eight) -> f32 {
  let first = abs(bitcast<vec4f>(values.first));
  let second = abs(bitcast<vec4f>(values.second));
  let four = max(select(vec4f(), first, first <= vec4f(LARGEST)), select(vec4f(), second, second <= vec4f(LARGEST)));
  return max(max(four.x, four.y), max(four.z, four.w));
}

// Reports magnitudes that the scale does not suit; for scale 0, any. Variables that a layout does not use are 0.
fn watch_a(up: f32) {
  if (!(max(largest_of(next_a0), largest_of(next_a1)) * up <= LIMIT) || up == 0.0) {
    atomicMax(&peak_a, bitcast<u32>(max(largest_finite(next_a0), largest_finite(next_a1))));
  }
}

fn watch_b(up: f32) {
  if (!(max(largest_of(next_b0), largest_of(next_b1)) * up <= LIMIT) || up == 0.0) {
    atomicMax(&peak_b, bitcast<u32>(max(largest_finite(next_b0), largest_finite(next_b1))));
  }
}

fn watch(up_a: f32, up_b: f32) {
  watch_a(up_a);
  if (B_TYPE == F32) {
    watch_b(up_b);
  }
}

// The power of two that lifts a peak to 256 and a little more, within 2^-119 .. 2^100.
fn scale_for(peak: u32) -> f32 {
  return bitcast<f32>(min(262u - (peak >> 23u), 227u) << 23u);
}

// 1 / a power of two
fn inverse(power: f32) -> f32 {
  return bitcast<f32>((254u << 23u) - bitcast<u32>(power));
}
