// From the names and layouts of a mode's golden tensors to what this engine records.
import type { HostData } from '../../src/graph/device-tensor.ts';

export interface Layout {
  readonly images: number;
  /** Position at which the recorded rows of abnormality prompts begin: 0, or the length of the shared prefix. */
  readonly start: number;
  readonly textWidth: number;
}

export interface Match {
  /** Values in the golden tensor's order; NaN where `keep` is false. */
  readonly got: ArrayLike<number>;
  /** Elements that can be compared. */
  readonly keep?: (i: number) => boolean;
}

/**
 * Finds the recorded tensor for `name` (without `value/` or `grad/`).
 * @param shape of the golden tensor
 * @param gradient the shared rows of the normal prompt gather gradients of all prompts: only the others can be compared
 */
export function matchIntermediate(
  name: string,
  shape: readonly number[],
  recorded: Readonly<Record<string, HostData>>,
  { images, start, textWidth }: Layout,
  gradient: boolean,
): Match | undefined {
  const perImage = /^dap(\d+)\/(.+)$/.exec(name);
  const record = perImage ? dapRecord(perImage[2]!) : name;
  const ofAbnormal = /prompt\/neg$|prompt_neg$|text_neg\/(in|layer\d+)$/.test(name);
  let got: HostData | undefined = recorded[record];
  if (!got && gradient)
    got = gradientOfLastBlock(record, shape[1]! - (ofAbnormal ? start : 0), recorded, textWidth);
  if (!got) return undefined;
  if (perImage) {
    const size = got.length / images;
    got = got.slice(Number(perImage[1]) * size, (Number(perImage[1]) + 1) * size);
  }
  if (/^sim\d$/.test(name)) {
    // Ours are channels first: [B, 2, n] -> [B, n, 2].
    const [, patches] = shape as [number, number, number];
    const source = got;
    return {
      got: Float32Array.from(
        source,
        (_, i) =>
          source[(Math.floor(i / (2 * patches)) * 2 + (i % 2)) * patches + (Math.floor(i / 2) % patches)]!,
      ),
    };
  }
  const rows = shape[1]!;
  const position = (i: number) => Math.floor(i / textWidth) % rows;
  if (/^prompt\/pos$|^text_pos\/(in|layer\d+)$/.test(name))
    return gradient ? { got, keep: (i) => position(i) >= start } : { got };
  if (ofAbnormal && start > 0) {
    const full = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(Number.NaN);
    const own = (rows - start) * textWidth;
    for (let text = 0; text < shape[0]!; text += 1)
      full.set(got.slice(text * own, (text + 1) * own) as Float32Array, (text * rows + start) * textWidth);
    return { got: full, keep: (i) => position(i) >= start };
  }
  return { got };
}

/**
 * Behind the last block of a text encoder only the end token's row has a gradient, and no other row is made: the golden
 * rows end with it.
 */
function gradientOfLastBlock(
  record: string,
  rows: number,
  recorded: Readonly<Record<string, HostData>>,
  width: number,
): Float32Array | undefined {
  const ends = recorded[record.replace(/layer\d+$/, 'end')];
  if (!ends || !/layer\d+$/.test(record)) return undefined;
  const found = new Float32Array(ends.length * rows);
  for (let text = 0; text < ends.length / width; text += 1)
    found.set(
      (ends as Float32Array).subarray(text * width, (text + 1) * width),
      ((text + 1) * rows - 1) * width,
    );
  return found;
}

function dapRecord(name: string): string {
  if (name === 'selected' || name === 'prior') return name;
  return `dap/${name}`;
}
