// Vectors that the lanes of a subgroup hold together and pass round.
//
// Includer  has `enable subgroups;` and puts its share in before the others read it

override SUBGROUP: u32 = 8u; // lanes of a subgroup

// A lane's share: vector v is held by lane v % SUBGROUP, at place v / SUBGROUP.
var<private> share: array<vec4f, 4>;

// Vector v, in all lanes. From a lane that is known, a broadcast costs SwiftShader (4 lanes) half of a shuffle; others do
// not care.
fn broadcast(v: u32) -> vec4f {
  let x = share[v / SUBGROUP];
  switch v % SUBGROUP {
    case 0u: { return subgroupBroadcast(x, 0u); }
    case 1u: { return subgroupBroadcast(x, 1u); }
    case 2u: { return subgroupBroadcast(x, 2u); }
    case 3u: { return subgroupBroadcast(x, 3u); }
    default: { return subgroupShuffle(x, v % SUBGROUP); }
  }
}

// Vectors v .. v + 3.
fn broadcast_four(v: u32) -> mat4x4f {
  return mat4x4f(broadcast(v), broadcast(v + 1u), broadcast(v + 2u), broadcast(v + 3u));
}
