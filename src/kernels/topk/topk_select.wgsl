// The k largest of each row and their indices, descending, one after another: k passes over the row, each for the
// best of those that come after the last one. For few k; topk_rank.wgsl serves many.
//
// Order     by value; equal values by index, lowest first; -0 and 0 are equal; NaN is above everything, as in PyTorch
// Shapes    x [rows, length] (f32, read as bits), values [rows, k] (f32), indices [rows, k] (i32)
// Dispatch  one workgroup per row, spread over x and y

override WORKGROUP: u32 = 64u;

struct Params {
  rows: u32,
  length: u32,
  k: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> values: array<u32>;
@group(0) @binding(2) var<storage, read_write> indices: array<i32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> best_key: array<u32, WORKGROUP>;
var<workgroup> best_index: array<u32, WORKGROUP>;

// Bits of a float as an integer of the same order. No comparison of floats: shaders may assume that there is no NaN.
fn sort_key(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return 0xffffffffu;
  }
  return select(0x80000000u + magnitude, 0x80000000u - magnitude, bits >> 31u == 1u);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) {
    return;
  }
  // Nothing is taken yet: everything comes after this.
  var last_key = 0xffffffffu;
  var last_index = -1;
  for (var taken = 0u; taken < params.k; taken++) {
    var key = 0u; // below every key
    var index = params.length;
    for (var i = lane; i < params.length; i += WORKGROUP) {
      let candidate = sort_key(x[row * params.length + i]);
      let follows = candidate < last_key || (candidate == last_key && i32(i) > last_index);
      if (follows && candidate > key) {
        key = candidate;
        index = i;
      }
    }
    best_key[lane] = key;
    best_index[lane] = index;
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
      if (lane < half) {
        let other = best_key[lane + half];
        let other_index = best_index[lane + half];
        if (other > best_key[lane] || (other == best_key[lane] && other_index < best_index[lane])) {
          best_key[lane] = other;
          best_index[lane] = other_index;
        }
      }
      workgroupBarrier();
    }
    last_key = best_key[0];
    last_index = i32(best_index[0]);
    workgroupBarrier(); // everyone has read the winner before the next pass overwrites it
    if (lane == 0u) {
      values[row * params.k + taken] = x[row * params.length + u32(last_index)];
      indices[row * params.k + taken] = last_index;
    }
  }
}
