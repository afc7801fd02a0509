import { contentBytes, describeContent } from '../base/content.ts';
import { WeightsError } from './errors.ts';
import { jsonProblem } from './json-limits.ts';
import { type ByteSource, readExactly } from './source.ts';

/** Bytes per element of the safetensors types; the sub-byte ones (F4, F6) are not supported. */
export const dtypeBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
  C64: 8,
} as const;

/** Element type of a tensor in a safetensors file. */
export type DType = keyof typeof dtypeBytes;

/** Where a tensor lies in the file. */
export interface TensorEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** From the beginning of the file, in bytes; not necessarily a multiple of the element size. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Header {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** The format's own limit. */
const maxHeaderBytes = 100_000_000;

/** The largest CLIPs have some thousand tensors, each with some ten values: what no header needs is not made objects of. */
const maxValues = 300_000;

/**
 * Reads and checks the header: its length, its JSON, every entry, and that the entries cover the data exactly.
 * @throws WeightsError naming file, tensor, expected and found
 */
export async function parseHeader(source: ByteSource): Promise<Header> {
  const fail = (expected: string, found: string, tensor?: string): never => {
    throw new WeightsError({ file: source.name, tensor, expected, found });
  };

  const content = async (): Promise<string> =>
    describeContent(await readExactly(source, 0, Math.min(contentBytes, source.size)));
  if (source.size < 8) fail('a safetensors file (8 bytes of header length)', await content());
  const prefix = await readExactly(source, 0, 8);
  const declared = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  // Text and other formats, read as a length, promise more than any file has.
  if (declared > source.size - 8) {
    const found = await content();
    if (!/^a (safetensors file|file that begins)/.test(found)) fail('a safetensors file', found);
  }
  if (declared > maxHeaderBytes) fail(`a header of at most ${maxHeaderBytes} bytes`, `${declared} bytes`);
  const length = Number(declared);
  if (8 + length > source.size) fail(`a header of ${length} bytes`, `a file of ${source.size} bytes`);

  const json = parseJson(source.name, await readExactly(source, 8, length));
  if (!isRecord(json)) return fail('a JSON object as header', describe(json));

  let metadata: ReadonlyMap<string, string> = new Map();
  const entries: [string, TensorEntry][] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') metadata = parseMetadata(value, fail);
    else entries.push([name, parseEntry(name, value, 8 + length, fail)]);
  }

  // The data must be covered without overlap or hole. Empty tensors go first among those at one offset.
  entries.sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
  let position = 8 + length;
  for (const [name, { offset, bytes }] of entries) {
    if (offset !== position) {
      const problem = offset < position ? 'an overlap' : 'a hole';
      fail(`data from byte ${position} of the file on`, `${problem}: data from byte ${offset} on`, name);
    }
    position += bytes;
    if (position > source.size)
      fail(`data up to byte ${position}`, `a file of ${source.size} bytes (truncated?)`, name);
  }
  if (position < source.size) fail(`a file of ${position} bytes`, `${source.size} bytes`);
  return { tensors: new Map(entries), metadata };
}

type Fail = (expected: string, found: string, tensor?: string) => never;

function parseJson(file: string, bytes: Uint8Array): unknown {
  let problem: string | undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    problem = jsonProblem(text, maxValues);
    if (problem === undefined) return JSON.parse(text);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new WeightsError({ file, expected: 'a header in JSON', found }, { cause });
  }
  throw new WeightsError({ file, expected: 'a header with each tensor once', found: problem });
}

function parseMetadata(value: unknown, fail: Fail): ReadonlyMap<string, string> {
  if (!isRecord(value)) return fail('an object as __metadata__', describe(value));
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') return fail(`a string as __metadata__.${key}`, describe(text));
    metadata.set(key, text);
  }
  return metadata;
}

function parseEntry(name: string, value: unknown, dataStart: number, fail: Fail): TensorEntry {
  if (!isRecord(value)) return fail('an object with dtype, shape and data_offsets', describe(value), name);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypeBytes, dtype))
    return fail(`a dtype among ${Object.keys(dtypeBytes).join(', ')}`, describe(dtype), name);
  if (!isSizes(shape)) return fail('a shape of non-negative integers', describe(shape), name);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    return fail('data_offsets [begin, end] with begin <= end', describe(offsets), name);
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, dtypeBytes[dtype as DType]);
  if (bytes !== end - begin)
    fail(`${bytes} bytes for ${dtype} [${shape}]`, `data_offsets of ${end - begin} bytes`, name);
  return { dtype: dtype as DType, shape, offset: dataStart + begin, bytes };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

/** Shallow on purpose: a damaged header may nest deeper than the stack allows. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (!Array.isArray(value)) return typeof value === 'object' && value ? 'an object' : JSON.stringify(value);
  const items = value.slice(0, 8).map((item) => (typeof item === 'object' ? '…' : JSON.stringify(item)));
  return `[${items.join(', ')}${value.length > 8 ? ', …' : ''}]`;
}
