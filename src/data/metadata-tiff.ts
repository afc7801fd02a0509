// TIFF: a directory of tags that may point anywhere and may each be gigabytes, and a chain of further directories.

/** What the pixels depend on (TIFF 6.0, and supplements for JPEG, LERC and old writers), and the orientation. */
const needed: ReadonlySet<number> = new Set([
  254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 290, 291, 292,
  293, 296, 317, 320, 322, 323, 324, 325, 332, 334, 338, 339, 340, 341, 347, 512, 513, 514, 515, 517, 518,
  519, 520, 521, 529, 530, 531, 532, 32995, 32996, 32998, 50674,
]);

/** Other tags are left where they are small: a scanner's name, a date. */
const maxOther = 2 ** 16;

const typeBytes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

/**
 * The first page alone, with the tags that it needs, each once. Nothing is moved: the directory is written over with fewer
 * entries, in a copy. A file whose directory cannot be read is left as it is.
 */
export function stripTiff(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 16) return bytes;
  const little = bytes[0] === 0x49;
  const big = view.getUint16(2, little) === 43;
  const [countBytes, entryBytes, offsetBytes] = big ? [8, 20, 8] : [2, 12, 4];
  const offset = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const start = offset(big ? 8 : 4);
  if (start + countBytes > bytes.length) return bytes;
  const count = big ? Number(view.getBigUint64(start, little)) : view.getUint16(start, little);
  const first = start + countBytes;
  const end = first + count * entryBytes;
  if (!(end + offsetBytes <= bytes.length)) return bytes;

  const seen = new Set<number>();
  const kept: number[] = [];
  let others = 0;
  for (let at = first; at < end; at += entryBytes) {
    const tag = view.getUint16(at, little);
    const size = (typeBytes[view.getUint16(at + 2, little)] ?? 0) * offset(at + 4);
    if (seen.has(tag)) continue;
    seen.add(tag);
    if (!needed.has(tag)) {
      others += size;
      if (others > maxOther || tag === 330) continue; // 330: further directories
    }
    kept.push(at);
  }
  if (kept.length === count && offset(end) === 0) return bytes;

  const copy = bytes.slice();
  const written = new DataView(copy.buffer);
  if (big) written.setBigUint64(start, BigInt(kept.length), little);
  else written.setUint16(start, kept.length, little);
  let to = first;
  for (const at of kept) {
    copy.set(bytes.subarray(at, at + entryBytes), to);
    to += entryBytes;
  }
  copy.fill(0, to, to + offsetBytes); // no directory follows
  return copy;
}
