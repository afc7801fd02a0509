// The k largest of each row and their indices, descending, by counting: an element's place is the number of elements
// that come before it. length^2 comparisons a row whatever k is; topk_select.wgsl serves few k.
//
// Order     by value; equal values by index, lowest first; -0 and 0 are equal; NaN is above everything, as in PyTorch
// Shapes    x [rows, length] (f32, read as bits), values [rows, k] (f32), indices [rows, k] (i32)
// Dispatch  one invocation per element of x, WORKGROUP per workgroup, workgroups spread over x and y

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
  let element = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (element >= params.rows * params.length) {
    return;
  }
  let row = element / params.length;
  let i = element % params.length;
  let start = row * params.length;
  let key = sort_key(x[element]);
  var place = 0u;
  for (var j = 0u; j < i; j++) {
    place += u32(sort_key(x[start + j]) >= key);
  }
  for (var j = i + 1u; j < params.length; j++) {
    place += u32(sort_key(x[start + j]) > key);
  }
  if (place < params.k) {
    values[row * params.k + place] = x[element];
    indices[row * params.k + place] = i32(i);
  }
}
