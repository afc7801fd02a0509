import type { FileHandle } from 'node:fs/promises';
import { openRegular } from '../base/open.node.ts';
import { WeightsError } from './errors.ts';
import type { ByteSource } from './source.ts';

/** A source over an open file; close it when the last tensor has been read. */
export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/**
 * Opens a file for random access (Node only).
 * @throws WeightsError if there is no such readable file
 */
export async function openFile(path: string): Promise<FileSource> {
  try {
    const { handle, size } = await openRegular(path);
    return fileSource(path, handle, size);
  } catch (cause) {
    throw new WeightsError({ file: path, expected: 'a readable file', found: message(cause) }, { cause });
  }
}

function fileSource(path: string, handle: FileHandle, size: number): FileSource {
  return {
    name: path,
    size,
    close: () => handle.close(),
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        // One read call moves at most 2 GiB.
        const count = Math.min(length - done, 2 ** 30);
        const { bytesRead } = await handle.read(bytes, done, count, offset + done).catch((cause) => {
          const expected = `${length} bytes at offset ${offset}`;
          throw new WeightsError({ file: path, expected, found: message(cause) }, { cause });
        });
        if (bytesRead === 0) return bytes.slice(0, done); // the file shrank: `readExactly` reports it
        done += bytesRead;
      }
      return bytes;
    },
  };
}

const message = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
