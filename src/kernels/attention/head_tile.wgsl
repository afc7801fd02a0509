// Which rows a workgroup takes: the rows of each sequence and head lie in tiles, one behind the other.
//
// Includer  declares params with heads

struct HeadTile {
  tile: u32, // counted within the head
  head: u32,
  sequence: u32, // params.sequences or more where the workgroup has nothing to do
}

fn head_tile(group: vec3u, groups: vec3u, rows: u32, rows_of_tile: u32) -> HeadTile {
  let tiles = (rows + rows_of_tile - 1u) / rows_of_tile;
  let index = group.y * groups.x + group.x;
  return HeadTile(index % tiles, (index / tiles) % params.heads, index / (tiles * params.heads));
}
