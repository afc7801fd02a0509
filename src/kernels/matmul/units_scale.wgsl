// The powers of two by which a workgroup lifts an operand, so that f16 holds it and what it rounds off.
//
// Includer  units.wgsl, which clears the peaks by being a new workgroup

// Largest finite magnitudes, as bits, that call for a scale.
var<workgroup> peak_a: atomic<u32>;
var<workgroup> peak_b: atomic<u32>;

const LIMIT = 32768.0; // half of what f16 holds
const LARGEST = 3.4028234e38; // that f32 holds, to the next below

fn largest_of(values: vec4f) -> f32 {
  return max(max(values.x, values.y), max(values.z, values.w));
}

fn finite(values: vec4f) -> vec4f {
  return select(vec4f(), values, values <= vec4f(LARGEST));
}

// Reports magnitudes that the scale does not suit; for scale 0, any.
fn watch_a(up: f32) {
  var seen = vec4f();
  for (var i = 0u; i < repeats(EIGHTS_A); i++) {
    seen = max(seen, max(abs(next_a[i][0]), abs(next_a[i][1])));
  }
  if (!(largest_of(seen) * up <= LIMIT) || up == 0.0) {
    seen = vec4f();
    for (var i = 0u; i < repeats(EIGHTS_A); i++) {
      seen = max(seen, max(finite(abs(next_a[i][0])), finite(abs(next_a[i][1]))));
    }
    atomicMax(&peak_a, bitcast<u32>(largest_of(seen)));
  }
}

fn watch_b(up: f32) {
  var seen = vec4f();
  for (var i = 0u; i < repeats(EIGHTS_B); i++) {
    seen = max(seen, max(abs(bitcast<vec4f>(next_b[i][0])), abs(bitcast<vec4f>(next_b[i][1]))));
  }
  if (!(largest_of(seen) * up <= LIMIT) || up == 0.0) {
    seen = vec4f();
    for (var i = 0u; i < repeats(EIGHTS_B); i++) {
      seen = max(seen, finite(abs(bitcast<vec4f>(next_b[i][0]))));
      seen = max(seen, finite(abs(bitcast<vec4f>(next_b[i][1]))));
    }
    atomicMax(&peak_b, bitcast<u32>(largest_of(seen)));
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
