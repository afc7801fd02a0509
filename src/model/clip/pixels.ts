// How a CLIP wants its pixels: (value / 255 - mean) / std for red, green and blue.
import { WeightsError } from '../../formats/errors.ts';

export type Rgb = readonly [number, number, number];

export interface PixelScale {
  readonly mean: Rgb;
  readonly std: Rgb;
}

export const clipMean: Rgb = [0.48145466, 0.4578275, 0.40821073];
export const clipStd: Rgb = [0.26862954, 0.26130258, 0.27577711];

/** OpenAI's, and of nearly all CLIPs since. Some of OpenCLIP's have 0.5 and 0.5. */
export const openaiPixels: PixelScale = { mean: clipMean, std: clipStd };

const same = (a: Rgb, b: Rgb): boolean => a.every((value, i) => value === b[i]);

const isRgb = (value: readonly unknown[]): value is Rgb =>
  value.length === 3 && value.every((part) => typeof part === 'number' && Number.isFinite(part));

/**
 * What is other than OpenAI's; undefined: nothing is.
 * @throws WeightsError for what is not three finite numbers each, the deviations above 0
 */
export function pixelScale(
  mean: readonly unknown[],
  std: readonly unknown[],
  file: string,
): PixelScale | undefined {
  const fail = (name: string, found: unknown): never => {
    throw new WeightsError({
      file,
      expected: `three numbers as the pixels' ${name}`,
      found: JSON.stringify(found),
    });
  };
  if (!isRgb(mean)) return fail('mean', mean);
  if (!isRgb(std) || std.some((part) => part <= 0)) return fail('deviation (above 0)', std);
  return same(mean, clipMean) && same(std, clipStd) ? undefined : { mean, std };
}

/** As metadata of a weights file; empty for OpenAI's. */
export const pixelMetadata = (pixels: PixelScale | undefined): Record<string, string> =>
  pixels ? { pixel_mean: pixels.mean.join(','), pixel_std: pixels.std.join(',') } : {};

/** Reads `pixelMetadata`. @throws WeightsError */
export function pixelsOf(metadata: ReadonlyMap<string, string>, file: string): PixelScale | undefined {
  const [mean, std] = ['pixel_mean', 'pixel_std'].map((name) => metadata.get(name)?.split(',').map(Number));
  return mean || std ? pixelScale(mean ?? clipMean, std ?? clipStd, file) : undefined;
}
