// each_workgroup, a line along the middle dimension each (line.wgsl): as many as the uniforms `outer` and `inner` say.
//
// Includer  declares params with outer: u32 and inner: u32, and fn task(line: u32, lane: u32)

#include "each_workgroup.wgsl"
#include "line.wgsl"

fn tasks() -> u32 {
  return params.outer * params.inner;
}
