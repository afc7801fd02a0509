// What `eval --shard` writes and `eval --merge` reads: a line of JSON for the run, one for each image, one for the end.
// Maps are kept to the bit, so that the metrics of all shards together are those of one run.
import { open, rename } from 'node:fs/promises';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import * as z from 'zod';
import { visibleJson } from '../base/text.ts';
import type { EvalSample } from '../eval/index.ts';
import { UsageError } from './io.ts';

const headerSchema = z.strictObject({
  faprompt: z.literal('eval-shard'),
  version: z.literal(1),
  shard: z.strictObject({ index: z.int().min(1), count: z.int().min(1) }),
  /** As they were given; and what they were. */
  data: z.string(),
  split: z.string(),
  clip: z.string(),
  clipSha256: z.string(),
  prompts: z.string().optional(),
  method: z.string().optional(),
  boxes: z.string().optional(),
  /** Hash of the method, its options and what it learned. */
  detector: z.string(),
  size: z.int().min(1),
  classes: z.array(z.string()),
  images: z.int().min(0),
  /** Hash of the list of images with their labels. */
  samples: z.string(),
  /** Files that the data set's listing left out. */
  skipped: z.array(z.string()),
});
export type ShardHeader = z.infer<typeof headerSchema>;

const imageSchema = z.strictObject({
  index: z.int().min(0),
  image: z.string(),
  class: z.string(),
  anomalous: z.boolean(),
  defect: z.string().optional(),
  score: z.number(),
  map: z.string(),
  mask: z.string().nullable(),
});
const problemSchema = z.strictObject({
  index: z.int().min(0),
  problem: z.string(),
  file: z.string(),
  class: z.string(),
});
const endSchema = z.strictObject({ end: z.literal(true), images: z.int().min(0) });
const lineSchema = z.union([imageSchema, problemSchema, endSchema]);

const pack = (bytes: Uint8Array): string => deflateRawSync(bytes).toString('base64');
const unpack = (text: string, bytes: number): Uint8Array =>
  new Uint8Array(inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: Math.max(1, bytes) }));

/** Where lines of a file lie: maps are large, and read again one by one. */
interface Place {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

export interface ReadShard {
  readonly header: ShardHeader;
  /** By index in the data set. */
  readonly images: ReadonlyMap<number, Place & { readonly class: string }>;
  readonly problems: ReadonlyMap<number, { readonly file: string; readonly class: string }>;
  readonly whole: boolean;
  /** Bytes up to the end of the last whole line. */
  readonly bytes: number;
}

/** @throws UsageError for what is no such file; a last line that was cut off is left out */
export async function readShard(file: string): Promise<ReadShard> {
  const refuse = (line: number, found: string): never => {
    throw new UsageError(`${file}: expected lines that eval --shard wrote, found ${found} in line ${line}`);
  };
  let header: ShardHeader | undefined;
  const images = new Map<number, Place & { class: string }>();
  const problems = new Map<number, { file: string; class: string }>();
  let whole = false;
  let bytes = 0;
  let number = 0;
  for await (const { text, offset, length } of linesOf(file)) {
    number++;
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      refuse(number, (error as Error).message);
    }
    const found = (header ? lineSchema : headerSchema).safeParse(json);
    if (!found.success) refuse(number, z.prettifyError(found.error).split('\n')[0]!);
    const line = found.data!;
    if ('faprompt' in line) header = line;
    else if ('end' in line) whole = line.images === images.size + problems.size;
    else if ('problem' in line) problems.set(line.index, { file: line.file, class: line.class });
    else images.set(line.index, { file, offset, length, class: line.class });
    bytes = offset + length + 1;
  }
  if (!header) throw new UsageError(`${file}: expected lines that eval --shard wrote, found no whole line`);
  return { header, images, problems, whole, bytes };
}

/** An image's line, read again. */
export async function readSample({ file, offset, length }: Place, size: number): Promise<EvalSample> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, offset);
    const { anomalous, defect, score, map, mask } = imageSchema.parse(JSON.parse(buffer.toString('utf8')));
    const pixels = size * size;
    const values = unpack(map, 4 * pixels);
    if (values.length !== 4 * pixels)
      throw new UsageError(`${file}: expected a map of ${size} x ${size}, found ${values.length} bytes`);
    return {
      anomalous,
      ...(defect === undefined ? {} : { defect }),
      score,
      width: size,
      height: size,
      map: new Float32Array(values.buffer, 0, pixels),
      mask: mask === null ? null : unpack(mask, pixels),
    };
  } finally {
    await handle.close();
  }
}

async function* linesOf(file: string): AsyncGenerator<{ text: string; offset: number; length: number }> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file}: expected a file of eval --shard, found ${error.code ?? error.message}`);
  });
  try {
    let rest: Buffer = Buffer.alloc(0);
    let offset = 0;
    for await (const chunk of handle.createReadStream({ highWaterMark: 2 ** 20, autoClose: false })) {
      rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        yield { text: rest.toString('utf8', 0, end), offset, length: end };
        offset += end + 1;
        rest = rest.subarray(end + 1);
      }
    }
  } finally {
    await handle.close();
  }
}

export interface ShardWriter {
  /** Indices that are in the file from before. */
  readonly done: ReadonlySet<number>;
  image(index: number, name: string, className: string, sample: EvalSample): Promise<void>;
  problem(index: number, file: string, className: string, message: string): Promise<void>;
  end(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Writes a shard's lines as they come; a file that a killed process left behind goes on where it stopped. Under
 * `FILE.part` until the end.
 * @throws UsageError for a file of another run
 */
export async function openShardFile(file: string, header: ShardHeader): Promise<ShardWriter> {
  const part = `${file}.part`;
  const handle = await open(part, 'a+');
  try {
    const { size } = await handle.stat();
    const before = size > 0 ? await readPart(part) : undefined;
    if (before && differs(before.header, header) !== '')
      throw new UsageError(
        `${part}: expected what this run began, found another run's: ${differs(before.header, header)}; remove it to begin anew`,
      );
    const done = new Set([...(before?.images.keys() ?? []), ...(before?.problems.keys() ?? [])]);
    await handle.truncate(before?.bytes ?? 0);
    const write = (line: unknown) => handle.appendFile(`${visibleJson(line)}\n`);
    if (!before) await write(header);
    let count = done.size;
    return {
      done,
      async image(index, image, className, { anomalous, defect, score, map, mask }) {
        count++;
        const bytes = new Uint8Array(map!.buffer, map!.byteOffset, map!.byteLength);
        await write({
          ...{ index, image, class: className, anomalous, defect, score },
          map: pack(bytes),
          mask: mask && pack(mask),
        });
      },
      async problem(index, name, className, problem) {
        count++;
        await write({ index, problem, file: name, class: className });
      },
      async end() {
        await write({ end: true, images: count });
        await handle.sync();
        await rename(part, file);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What an interrupted process left; undefined where it wrote no whole line. */
async function readPart(part: string): Promise<ReadShard | undefined> {
  for await (const _ of linesOf(part)) return readShard(part);
  return undefined;
}

const differs = (found: ShardHeader, expected: ShardHeader): string =>
  (Object.keys(expected) as (keyof ShardHeader)[])
    .filter((name) => JSON.stringify(found[name]) !== JSON.stringify(expected[name]))
    .join(', ');

/**
 * Checks that files are all shards of one run, each once and whole.
 * @throws UsageError naming what is missing or differs
 */
export async function readShards(files: readonly string[]): Promise<ReadShard> {
  const shards: (ReadShard & { file: string })[] = [];
  for (const file of files) shards.push({ file, ...(await readShard(file)) });
  const { shard: _, ...run } = shards[0]!.header;
  const { count } = shards[0]!.header.shard;
  const seen = new Map<number, string>();
  for (const { file, header, whole } of shards) {
    const { shard, ...own } = header;
    if (JSON.stringify(own) !== JSON.stringify(run) || shard.count !== count)
      throw new UsageError(
        `${file}: expected a shard of the same run as ${files[0]}, found another ${differs(header, shards[0]!.header)}`,
      );
    if (!whole) throw new UsageError(`${file}: expected a whole shard, found no end: run it again`);
    const twice = seen.get(shard.index);
    if (twice !== undefined)
      throw new UsageError(`${file}: expected each shard once, found ${shard.index} in ${twice}, too`);
    seen.set(shard.index, file);
  }
  const missing = Array.from({ length: count }, (_, i) => i + 1).filter((index) => !seen.has(index));
  if (missing.length > 0)
    throw new UsageError(`--merge: expected all ${count} shards, found none of ${missing.join(', ')}`);
  const images = new Map(shards.flatMap((shard) => [...shard.images]));
  const problems = new Map(shards.flatMap((shard) => [...shard.problems]));
  if (images.size + problems.size !== run.images)
    throw new UsageError(`--merge: expected ${run.images} images, found ${images.size + problems.size}`);
  return { header: shards[0]!.header, images, problems, whole: true, bytes: 0 };
}
