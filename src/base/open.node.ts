// The one way in which a file that somebody names is opened for reading: regular files only, without waiting, up to a limit.

import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { decodeText } from './decode-text.ts';

/** Why a file was not opened: `code` as the system has it, or one of ours. */
export class NotOpenedError extends Error {
  override readonly name = 'NotOpenedError';
  constructor(
    readonly file: string,
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const kindOf = (stat: Stats): string =>
  stat.isDirectory()
    ? 'a folder'
    : stat.isFIFO()
      ? 'a pipe'
      : stat.isSocket()
        ? 'a socket'
        : stat.isCharacterDevice() || stat.isBlockDevice()
          ? 'a device'
          : 'not a regular file';

/**
 * Opens a file for reading. A pipe does not make it wait and a device is not read: neither is opened for longer than it
 * takes to see what it is. Links are followed.
 * @throws NotOpenedError
 */
export async function openRegular(file: string): Promise<{ handle: FileHandle; size: number }> {
  let handle: FileHandle | undefined;
  try {
    // Windows has no O_NONBLOCK, nor such files in its folders.
    handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stat = await handle.stat();
    if (!stat.isFile())
      throw new NotOpenedError(file, stat.isDirectory() ? 'EISDIR' : 'NOT_A_FILE', kindOf(stat));
    return { handle, size: stat.size };
  } catch (cause) {
    await handle?.close();
    if (cause instanceof NotOpenedError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    // Sockets cannot be opened at all.
    const found = code === 'ENXIO' ? 'a socket or a device' : (code ?? message);
    throw new NotOpenedError(file, code ?? 'UNKNOWN', found, { cause });
  }
}

/**
 * Reads a whole file.
 * @param limit bytes; also kept where a file grows while it is read
 * @throws NotOpenedError, with the code TOO_LARGE beyond the limit
 */
export async function readRegular(file: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const { handle, size } = await openRegular(file);
  const tooLarge = (found: string) =>
    new NotOpenedError(file, 'TOO_LARGE', `${found} bytes, where at most ${limit} are read`);
  try {
    if (size > limit) throw tooLarge(`${size}`);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let done = 0;
    // One byte more shows that it ends there; some files of the system say that they are empty, and are not.
    for (let length = size > 0 ? size + 1 : 2 ** 16; ; length = 2 ** 20) {
      const part = await fill(handle, new Uint8Array(Math.min(length, limit + 1 - done)), done);
      parts.push(part.bytes);
      done += part.bytes.length;
      if (done > limit) throw tooLarge(`more than ${limit}`);
      if (part.ended) return parts.length === 1 ? parts[0]! : joined(parts, done);
    }
  } catch (cause) {
    if (cause instanceof NotOpenedError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new NotOpenedError(file, code ?? 'UNKNOWN', code ?? message, { cause });
  } finally {
    await handle.close();
  }
}

/** Reads until the array is full or the file ends. */
async function fill(handle: FileHandle, into: Uint8Array<ArrayBuffer>, position: number) {
  let done = 0;
  while (done < into.length) {
    // One read call moves at most 2 GiB.
    const length = Math.min(into.length - done, 2 ** 30);
    const { bytesRead } = await handle.read(into, done, length, position + done);
    if (bytesRead === 0) return { bytes: into.subarray(0, done), ended: true };
    done += bytesRead;
  }
  return { bytes: into, ended: false };
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A file's text, in whatever encoding it is (decode-text.ts). Label files, configurations and logs are some MB at most. @throws NotOpenedError */
export const readText = async (file: string, limit = 256 * 2 ** 20): Promise<string> =>
  decodeText(await readRegular(file, limit));

/** A stream over a file that was opened by {@link openRegular}; it closes the file. @throws NotOpenedError */
export async function streamRegular(file: string): Promise<NodeJS.ReadableStream> {
  const { handle } = await openRegular(file);
  return handle.createReadStream();
}
