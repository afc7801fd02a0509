// A heat map as pixels, at the map's own size: the browser scales it to the photograph.
import { type AnomalyMap, mapRange, type Range, turboBytes } from '../../src/data/heatmap.ts';

export interface HeatSettings {
  /** Opacity of the hottest value, in [0, 1]. */
  readonly opacity: number;
  /** Map value above which a place counts as suspicious. */
  readonly threshold: number;
  /** Map values shown as blue and as red. */
  readonly range: Range;
}

/** How a map is to be looked at, whatever its values. */
export interface Look {
  readonly opacity: number;
  /** Position on the colour scale from which a place counts as suspicious, in [0, 1]. */
  readonly mark: number;
  /** The colour scale runs from the map's smallest to its largest value instead of 0 to 1. */
  readonly stretched: boolean;
}

/** What that means for one map. @param own what the colours are stretched to; absent: the map's range */
export function heatOf({ opacity, mark, stretched }: Look, map: AnomalyMap, own?: Range): HeatSettings {
  const range = stretched ? (own ?? mapRange(map)) : ([0, 1] as const);
  const [low, high] = range;
  return { opacity, range, threshold: low + mark * (high - low) };
}

/** What is left of the colour below the threshold: enough to see where the map rises. */
const below = 0.35;

/**
 * RGBA pixels of a heat map [H * W * 4], as `faprompt detect` draws it (the higher a value, the less of the photograph
 * shows through), with everything below the threshold faded.
 */
export function heatPixels(
  { width, height, values }: AnomalyMap,
  { opacity, threshold, range: [low, high] }: HeatSettings,
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * width * height);
  const scale = high > low ? 1 / (high - low) : 0;
  values.forEach((value, i) => {
    const t = Math.max(0, Math.min(1, (value - low) * scale));
    const colour = 3 * Math.round(255 * t);
    pixels[4 * i] = turboBytes[colour]!;
    pixels[4 * i + 1] = turboBytes[colour + 1]!;
    pixels[4 * i + 2] = turboBytes[colour + 2]!;
    pixels[4 * i + 3] = 255 * opacity * t * (value >= threshold ? 1 : below);
  });
  return pixels;
}

/** Draws the heat map at its own size onto a canvas. */
export function drawHeat(
  canvas: HTMLCanvasElement | OffscreenCanvas,
  map: AnomalyMap,
  settings: HeatSettings,
): void {
  canvas.width = map.width;
  canvas.height = map.height;
  const context = canvas.getContext('2d') as
    | CanvasRenderingContext2D
    | OffscreenCanvasRenderingContext2D
    | null;
  context?.putImageData(new ImageData(heatPixels(map, settings), map.width, map.height), 0, 0);
}
