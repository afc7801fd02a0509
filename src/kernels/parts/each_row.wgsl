// each_workgroup, a row each: as many as the uniform `rows` says.
//
// Includer  declares params with rows: u32, and fn task(row: u32, lane: u32)

#include "each_workgroup.wgsl"

fn tasks() -> u32 {
  return params.rows;
}
