// A map as it is looked at on the screen: those of tiles have millions of values, more than a page can draw at once.
import type { AnomalyMap } from '../../src/data/heatmap.ts';

/**
 * Each value the largest of a square of the map's, so that nothing that is small is lost; most maps as they are.
 * @param most longest side
 */
export function smallMap(map: AnomalyMap, most = 768): AnomalyMap {
  const factor = Math.ceil(Math.max(map.width, map.height) / most);
  if (factor <= 1) return map;
  const [width, height] = [Math.ceil(map.width / factor), Math.ceil(map.height / factor)];
  const values = new Float32Array(width * height).fill(Number.NEGATIVE_INFINITY);
  for (let y = 0; y < map.height; y += 1) {
    const row = Math.floor(y / factor) * width;
    for (let x = 0; x < map.width; x += 1) {
      const to = row + Math.floor(x / factor);
      const value = map.values[y * map.width + x]!;
      if (!(value <= values[to]!)) values[to] = value;
    }
  }
  return { width, height, values };
}
