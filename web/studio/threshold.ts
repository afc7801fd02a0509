// A file of prompts with a limit in it, as `faprompt calibrate` writes it: `faprompt detect` then says pass or fail.
import type { TileOptions } from '../../src/base/tile-options.ts';
import { thresholdFromGood } from '../../src/eval/threshold.ts';

/** Bytes before the header's JSON: its length. */
const prefix = 8;

async function readHeader(prompts: Blob) {
  const length = Number(new DataView(await prompts.slice(0, prefix).arrayBuffer()).getBigUint64(0, true));
  const header = JSON.parse(await prompts.slice(prefix, prefix + length).text()) as {
    __metadata__?: Record<string, string>;
  };
  return { header, end: prefix + length };
}

/** Whether a file of prompts says in which tiles photographs are looked at; false for what is no such file. */
export const saysTiles = (prompts: Blob): Promise<boolean> =>
  readHeader(prompts).then(
    ({ header }) => header.__metadata__?.tiles !== undefined,
    () => false,
  );

/**
 * The same file with `__metadata__.threshold`, and the tiles that it holds for; tensors are taken over as they are.
 * @param good scores and rate of a calibration; undefined: entered by hand
 * @param tiles undefined: photographs are looked at whole
 */
export async function withThreshold(
  prompts: Blob,
  value: number,
  good: { readonly scores: readonly number[]; readonly rate: number } | undefined,
  tiles: TileOptions | undefined,
): Promise<Blob> {
  const { header, end } = await readHeader(prompts);
  const threshold = good
    ? { ...thresholdFromGood(good.scores, good.rate), threshold: value }
    : { threshold: value, method: 'hand' };
  const { tiles: _, ...metadata } = header.__metadata__ ?? {};
  header.__metadata__ = {
    ...metadata,
    ...(tiles ? { tiles: JSON.stringify(tiles) } : {}),
    threshold: JSON.stringify(threshold),
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  padded.set(json);
  const size = new Uint8Array(prefix);
  new DataView(size.buffer).setBigUint64(0, BigInt(padded.length), true);
  return new Blob([size, padded, prompts.slice(end)], { type: 'application/octet-stream' });
}
