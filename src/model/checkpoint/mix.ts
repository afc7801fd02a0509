// The weighted mean of CLIPs that were trained from one another, read as one file: between a CLIP and what fine-tuning
// made of it (Wortsman et al., 2022, "Robust fine-tuning of zero-shot models"), or over several moments of one training.
import { WeightsError } from '../../formats/errors.ts';
import { type TensorFile, type TensorInfo, tensorFile } from '../../formats/tensor-file.ts';
import { type ClipConfig, clipConfigOf } from '../clip/config.ts';
import { wordListMetadata, wordsFromMetadata } from '../clip/tokenizer/tokenizer.ts';

export interface MixPart {
  readonly file: TensorFile;
  /** Above 0; parts are divided by their sum. */
  readonly share: number;
}

const embedding = 'token_embedding.weight';

/**
 * Tensors in F32. A word that only some of the files know is the mean of theirs.
 * @param parts CLIPs of equal sizes; metadata is the last one's, with the words of all
 * @throws WeightsError naming the file and the size that differs
 */
export function mixed(parts: readonly MixPart[]): TensorFile {
  const first = parts[0]!.file;
  const last = parts.at(-1)!.file;
  const sum = parts.reduce((total, { share }) => total + share, 0);
  for (const { file } of parts.slice(1)) checkSizes(first, file);
  const lists = parts.map(({ file }) => wordsFromMetadata(file.metadata, file.source.name));
  const words = lists.every((list) => list !== undefined) ? [...new Set(lists.flat())] : undefined;
  const tensors = new Map<string, TensorInfo>();
  for (const [name, { shape }] of first.tensors) {
    const mixedShape = name === embedding && words ? [words.length + 2, shape[1]!] : shape;
    tensors.set(name, {
      dtype: 'F32',
      shape: mixedShape,
      bytes: mixedShape.reduce((a, b) => a * b, 4),
    });
  }
  const metadata = new Map([...last.metadata, ...Object.entries(words ? wordListMetadata(words) : {})]);
  const whole = async (name: string, start: number, count: number): Promise<Float32Array> => {
    const out = new Float32Array(count);
    for (const { file, share } of parts) {
      const values = await file.readFloat32(name, start, count);
      for (let i = 0; i < count; i++) out[i]! += (share / sum) * values[i]!;
    }
    return out;
  };
  let table: Promise<Float32Array> | undefined;
  return tensorFile(first.source.name, tensors, metadata, async (name, _, start, length) => {
    const from = Math.floor(start / 4);
    const count = Math.ceil((start + length) / 4) - from;
    if (name !== embedding || !words) return cut(await whole(name, from, count), start % 4, length);
    table ??= mixTables(parts, lists as readonly string[][], words);
    return cut((await table).slice(from, from + count), start % 4, length);
  });
}

const cut = (values: Float32Array, start: number, length: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset + start, length);

/** Rows by word: means over the files that have it. Start and end of text come last in every table. */
async function mixTables(
  parts: readonly MixPart[],
  lists: readonly (readonly string[])[],
  words: readonly string[],
): Promise<Float32Array> {
  const width = parts[0]!.file.tensors.get(embedding)!.shape[1]!;
  const out = new Float32Array((words.length + 2) * width);
  const shares = new Float64Array(words.length + 2);
  const rowOf = new Map(words.map((word, row) => [word, row]));
  for (const [p, { file, share }] of parts.entries()) {
    const table = await file.readFloat32(embedding);
    const rows = [...lists[p]!.map((word) => rowOf.get(word)!), words.length, words.length + 1];
    for (const [from, to] of rows.entries()) {
      shares[to]! += share;
      for (let i = 0; i < width; i++) out[to * width + i]! += share * table[from * width + i]!;
    }
  }
  return out.map((value, i) => value / shares[Math.floor(i / width)]!);
}

function checkSizes(first: TensorFile, other: TensorFile): void {
  const [a, b] = [first, other].map((file) => sizes(clipConfigOf(file), file)) as [Sizes, Sizes];
  for (const [name, value] of Object.entries(a))
    if (value !== b[name])
      throw new WeightsError({
        file: other.source.name,
        expected: `${name} ${value}, as ${first.source.name} has`,
        found: b[name] ?? 'nothing',
      });
}

type Sizes = Readonly<Record<string, string>>;

/** All that has to be equal: not the size for detection, nor the number of words where they have names. */
function sizes(config: ClipConfig, { metadata }: TensorFile): Sizes {
  const { detectSize: _, vocabSize, ...others } = config;
  const compared = { ...others, vocabSize: metadata.get('tokenizer') === 'words' ? 'words' : vocabSize };
  return Object.fromEntries(Object.entries(compared).map(([name, value]) => [name, JSON.stringify(value)]));
}
