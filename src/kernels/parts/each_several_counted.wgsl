// each_several, for as many items as the uniform `count` says.
//
// Includer  declares params with count: u32, and fn item(i: u32)

#include "each_several.wgsl"

fn items() -> u32 {
  return params.count;
}
