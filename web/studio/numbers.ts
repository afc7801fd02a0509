// One image of the numbers that are saved: its regions in pixels of the photograph, and its map.
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import { heatOf, type Look } from './heat.ts';
import { findRegions } from './regions.ts';
import { smallMap } from './small-map.ts';

/** What is known of an image beside its map; the rest of it is written as it is. */
export interface Described {
  readonly image: string;
  /** Pixels of the photograph. */
  readonly width: number;
  readonly height: number;
  readonly score: number;
  readonly anomalous?: boolean;
  /** What was seen with each prompt alone, where somebody looked, as `faprompt detect --per-prompt` says it. */
  readonly prompts?: readonly {
    readonly contribution: number;
    readonly probability: number;
    readonly mapMax: number;
  }[];
}

/** As scores.json of `faprompt detect` has it; arrays of floats as numbers of six decimals. */
export function numbers(described: Described, map: AnomalyMap, look: Look): Blob {
  const { width, height } = described;
  // Regions as they are shown.
  const shown = smallMap(map);
  const { threshold } = heatOf(look, shown);
  const content = {
    ...described,
    // From which value of the map a place is listed: no limit of the score.
    mark: { value: threshold, relative: look.stretched },
    regions: findRegions(shown, threshold).map((region) => ({
      x: Math.round(region.left * width),
      y: Math.round(region.top * height),
      width: Math.round(region.width * width),
      height: Math.round(region.height * height),
      peak: region.peak,
      area: region.area,
    })),
    map,
  };
  const plain = (_: string, value: unknown) =>
    value instanceof Float32Array ? Array.from(value, (x) => Number(x.toFixed(6))) : value;
  return new Blob([`${JSON.stringify(content, plain)}\n`], { type: 'application/json' });
}
