// each_item.wgsl where an item is little work: an invocation treats several, which spreads the cost of starting one.
//
// Includer  declares fn items() -> u32 and fn item(i: u32)
// Dispatch  WORKGROUP * ITEMS items per workgroup, workgroups spread over x and y (`perItem` of op.ts); an invocation's
//           are WORKGROUP apart, so that neighbours read neighbours

override WORKGROUP: u32 = 64u;
override ITEMS: u32 = 8u; // per invocation

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let start = (group.y * groups.x + group.x) * WORKGROUP * ITEMS;
  let end = min(items(), start + WORKGROUP * ITEMS);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    item(i);
  }
}
