// Largest element along the middle dimension and where it is; ties go to the lowest index, as in PyTorch.
//
// Shapes    x [outer, length, inner], out [outer, inner], argmax [outer, inner] (i32)
// Dispatch  one workgroup per element of out, spread over x and y
// Saved for backward: argmax

override WORKGROUP: u32 = 64u;

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<storage, read_write> argmax: array<i32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> best_value: array<f32, WORKGROUP>;
var<workgroup> best_index: array<u32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.y * groups.x + group.x;
  if (i >= params.outer * params.inner) {
    return;
  }
  let start = (i / params.inner) * params.length * params.inner + i % params.inner;
  // Lanes without an element repeat the first one: they lose every tie.
  var value = x[start];
  var index = 0u;
  for (var k = lane; k < params.length; k += WORKGROUP) {
    let candidate = x[start + k * params.inner];
    if (candidate > value) {
      value = candidate;
      index = k;
    }
  }
  best_value[lane] = value;
  best_index[lane] = index;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      let other = best_value[lane + half];
      let other_index = best_index[lane + half];
      if (other > best_value[lane] || (other == best_value[lane] && other_index < best_index[lane])) {
        best_value[lane] = other;
        best_index[lane] = other_index;
      }
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    out[i] = best_value[0];
    argmax[i] = i32(best_index[0]);
  }
}
