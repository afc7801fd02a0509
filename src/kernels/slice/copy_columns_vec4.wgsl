// copy_columns.wgsl for rows and offsets that are whole vec4s: all sizes below count vec4s.
//
// Shapes    source [rows, from_pitch], out [rows, to_pitch] of vec4s, any type of 4 bytes an element: bits are copied.
//           out[r, to_start + c] = source[r, c + from_shift] for c in 0 .. width
// Dispatch  one invocation per vec4 written, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: nothing

override WORKGROUP: u32 = 64u;

struct Params {
  rows: u32,
  width: u32,
  from_pitch: u32,
  from_shift: i32,
  to_pitch: u32,
  to_start: u32,
}

@group(0) @binding(0) var<storage, read> source: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4u>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.rows * params.width) {
    return;
  }
  let row = i / params.width;
  let column = i % params.width;
  let at = u32(i32(column) + params.from_shift); // a negative column becomes a very large one
  var value = vec4u();
  if (at < params.from_pitch) {
    value = source[row * params.from_pitch + at];
  }
  out[row * params.to_pitch + params.to_start + column] = value;
}
