import { WeightsError } from './errors.ts';

/** Random access to the bytes of a file, wherever it lies: memory, disk, an HTTP server. */
export interface ByteSource {
  /** Path or address, for messages. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /** Resolves to a fresh array, owned by the caller, of exactly `length` bytes from `offset`. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** A source over bytes in memory. `read` copies, so that callers may keep or transfer what they get. */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    // Not bytes.slice: a Node Buffer's slice is a view.
    read: async (offset, length) => new Uint8Array(bytes.subarray(offset, offset + length)),
  };
}

/**
 * Reads `length` bytes at `offset`.
 * @throws WeightsError if the range passes the end, or the source returns another number of bytes
 */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  tensor?: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = offset + length <= source.size ? await source.read(offset, length) : undefined;
  if (bytes?.length === length) return bytes;
  throw new WeightsError({
    file: source.name,
    tensor,
    expected: `${length} bytes at offset ${offset}`,
    found: bytes ? `${bytes.length} bytes` : `a file of ${source.size} bytes`,
  });
}
