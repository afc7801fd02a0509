// The directory of a zip archive whose entries are stored, not compressed: what PyTorch writes, to map them to memory.

import { WeightsError } from './errors.ts';
import { type ByteSource, readExactly } from './source.ts';

export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  /** Of the entry's local header, in bytes from the beginning of the archive. */
  readonly header: number;
  /** Why its bytes cannot be read in place: TorchScript compresses its code, which nobody needs. */
  readonly packed?: 'compressed' | 'encrypted';
}

const endSize = 22;
const maxComment = 0xffff;
/** A CLIP has some hundred tensors, each an entry of some 100 bytes. */
const maxDirectory = 8 * 2 ** 20;
const localHeaderSize = 30;

/**
 * Reads and checks the central directory (APPNOTE.TXT 6.3, ZIP64 included).
 * @throws WeightsError for a damaged archive
 */
export async function readZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const fail = (expected: string, found: string, tensor?: string): never => {
    throw new WeightsError({ file: source.name, tensor, expected, found });
  };
  const { count, size, offset } = await findDirectory(source, fail);
  if (size > maxDirectory) fail(`a zip directory of at most ${maxDirectory} bytes`, `${size} bytes`);
  const bytes = await readExactly(source, offset, size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== 0x02014b50)
      fail(`${count} entries in the zip directory`, `${i}`);
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map((field) =>
      view.getUint16(at + field, true),
    ) as [number, number, number];
    const end = at + 46 + nameSize + extraSize + commentSize;
    if (end > size) fail(`${count} entries in the zip directory`, `${i} whole ones`);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameSize));
    const wide = zip64Fields(view, at, at + 46 + nameSize, extraSize);
    const packed =
      view.getUint16(at + 8, true) & 1
        ? { packed: 'encrypted' as const }
        : view.getUint16(at + 10, true) !== 0
          ? { packed: 'compressed' as const }
          : {};
    const entry: ZipEntry = { name, size: wide.size, header: wide.header, ...packed };
    if (!packed.packed && !(entry.header + localHeaderSize + entry.size <= source.size))
      fail(`entry ${name} within the file`, `${entry.size} bytes at ${entry.header} of ${source.size}`);
    if (entries.has(name)) fail('one entry of each name in the zip directory', `two: ${name}`);
    entries.set(name, entry);
    at = end;
  }
  return entries;
}

/** @throws WeightsError for an entry that is compressed or encrypted */
export function checkStored({ name, packed }: ZipEntry, file: string): void {
  if (packed)
    throw new WeightsError({
      file,
      expected: `entry ${name} stored as it is, as PyTorch does`,
      found: packed,
    });
}

/** Where an entry's data begin: behind its local header, whose lengths are its own. @throws WeightsError */
export async function zipDataOffset(source: ByteSource, entry: ZipEntry): Promise<number> {
  checkStored(entry, source.name);
  const { name, header, size } = entry;
  const bytes = await readExactly(source, header, localHeaderSize);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const offset = header + localHeaderSize + view.getUint16(26, true) + view.getUint16(28, true);
  if (view.getUint32(0, true) !== 0x04034b50 || offset + size > source.size) {
    const expected = `a zip header at byte ${header} for ${name}, and ${size} bytes behind it`;
    throw new WeightsError({ file: source.name, expected, found: 'something else (damaged?)' });
  }
  return offset;
}

type Fail = (expected: string, found: string) => never;

/** The end record lies behind everything but a comment; ZIP64's is found through a locator just before it. */
async function findDirectory(
  source: ByteSource,
  fail: Fail,
): Promise<{ count: number; size: number; offset: number }> {
  const tailSize = Math.min(source.size, endSize + maxComment);
  const start = source.size - tailSize;
  const tail = await readExactly(source, start, tailSize);
  const view = new DataView(tail.buffer, tail.byteOffset, tailSize);
  let end = tailSize - endSize;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) return fail('a zip directory at the end of the file', 'none (truncated?)');
  const record = {
    count: view.getUint16(end + 10, true),
    size: view.getUint32(end + 12, true),
    offset: view.getUint32(end + 16, true),
  };
  const locator = end - 20;
  if (locator < 0 || view.getUint32(locator, true) !== 0x07064b50) return record;
  const wideOffset = Number(view.getBigUint64(locator + 8, true));
  const wide = await readExactly(source, wideOffset, 56);
  const wideView = new DataView(wide.buffer, wide.byteOffset);
  if (wideView.getUint32(0, true) !== 0x06064b50)
    return fail(`a ZIP64 record at byte ${wideOffset}`, 'something else');
  return {
    count: Number(wideView.getBigUint64(32, true)),
    size: Number(wideView.getBigUint64(40, true)),
    offset: Number(wideView.getBigUint64(48, true)),
  };
}

/** Sizes and offset of an entry; those of 0xffffffff stand in its ZIP64 extra field, in a fixed order. */
function zip64Fields(
  view: DataView,
  at: number,
  extra: number,
  extraSize: number,
): { size: number; header: number } {
  const narrow = [24, 20, 42].map((field) => view.getUint32(at + field, true));
  if (!narrow.includes(0xffffffff)) return { size: narrow[0]!, header: narrow[2]! };
  for (let field = extra; field + 4 <= extra + extraSize; ) {
    const id = view.getUint16(field, true);
    const end = Math.min(field + 4 + view.getUint16(field + 2, true), extra + extraSize);
    if (id === 1) {
      let position = field + 4;
      const [size, , header] = narrow.map((value) => {
        if (value !== 0xffffffff || position + 8 > end) return value;
        position += 8;
        return Number(view.getBigUint64(position - 8, true));
      });
      return { size: size!, header: header! };
    }
    field = end;
  }
  return { size: narrow[0]!, header: narrow[2]! };
}
