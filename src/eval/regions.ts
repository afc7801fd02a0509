/**
 * Calls `visit` with the pixels of every 8-connected region of set pixels, in scan order of their first pixels. The
 * array is reused: it is valid during the call only.
 * @param mask row major, set where > 0
 */
export function forEachRegion(
  mask: Uint8Array,
  width: number,
  height: number,
  visit: (pixels: readonly number[]) => void,
): void {
  const visited = new Uint8Array(mask.length);
  const members: number[] = [];
  for (let start = 0; start < mask.length; start++) {
    if (mask[start] === 0 || visited[start] !== 0) continue;
    members.length = 0;
    members.push(start);
    visited[start] = 1;
    // Breadth first: the array is also the queue.
    for (let m = 0; m < members.length; m++) {
      const pixel = members[m]!;
      const x = pixel % width;
      const y = (pixel - x) / width;
      const right = Math.min(x + 1, width - 1);
      const bottom = Math.min(y + 1, height - 1);
      for (let v = Math.max(y - 1, 0); v <= bottom; v++) {
        for (let u = Math.max(x - 1, 0); u <= right; u++) {
          const neighbour = v * width + u;
          if (mask[neighbour] === 0 || visited[neighbour] !== 0) continue;
          visited[neighbour] = 1;
          members.push(neighbour);
        }
      }
    }
    visit(members);
  }
}

/**
 * Area of the 8-connected region of every set pixel.
 * @param mask row major, set where > 0
 * @returns `areas`: per pixel the area of its region, 0 outside; `regions`: how many regions there are;
 *   `pixels`: how many pixels are set
 */
export function regionAreas(
  mask: Uint8Array,
  width: number,
  height: number,
): { areas: Uint32Array; regions: number; pixels: number } {
  const areas = new Uint32Array(mask.length);
  let regions = 0;
  let pixels = 0;
  forEachRegion(mask, width, height, (members) => {
    for (const pixel of members) areas[pixel] = members.length;
    regions++;
    pixels += members.length;
  });
  return { areas, regions, pixels };
}
