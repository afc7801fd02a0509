// main of a shader whose workgroups share out one task each, a row's sum, a tile of a product: runs `task(i, lane)` in all
// lanes of a workgroup for each i below `tasks()`. All lanes of a workgroup get there, so that `task` may have barriers.
//
// Includer  declares override WORKGROUP, fn tasks() -> u32 and fn task(i: u32, lane: u32)
// Dispatch  one workgroup per task, spread over x and y (`spread` of grid.ts)

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.y * groups.x + group.x;
  if (i < tasks()) {
    task(i, lane);
  }
}
