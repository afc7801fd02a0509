// each_item, an invocation for each row: as many as the uniform `rows` says.
//
// Includer  declares params with rows: u32, and fn item(row: u32)

#include "each_item.wgsl"

fn items() -> u32 {
  return params.rows;
}
