// main of a shader that treats items one by one: runs `item(i)` for each i below `items()`.
//
// Includer  declares fn items() -> u32 and fn item(i: u32)
// Dispatch  one invocation per item, WORKGROUP per workgroup, workgroups spread over x and y (`perItem` of op.ts)

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i < items()) {
    item(i);
  }
}
