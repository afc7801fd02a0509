// A ZIP, file after file: entries are stored as they are, so that they can be read in place; photographs do not shrink.
import { proxy } from 'comlink';
import { Zip, ZipPassThrough } from 'fflate';

export interface Archive {
  add(name: string, content: Blob): Promise<void>;
  finish(): Blob;
}

/** The plain format's limit. */
const most = 2 ** 32 - 2 ** 24;
/** Bytes that go through memory at a time. */
const stride = 2 ** 22;

export function createArchive(): Archive {
  const parts: Blob[] = [];
  let bytes = 0;
  let failure: Error | undefined;
  const zip = new Zip((error, chunk) => {
    if (error) failure = error;
    else if (chunk.length > 0) {
      bytes += chunk.length;
      // Blobs, which the browser may keep on the disk.
      parts.push(new Blob([new Uint8Array(chunk)]));
    }
  });
  return proxy({
    async add(name: string, content: Blob) {
      if (bytes + content.size > most) throw new RangeError('more than 4 GB do not fit into one ZIP');
      const entry = new ZipPassThrough(name);
      zip.add(entry);
      for (let at = 0; at < content.size; at += stride)
        entry.push(new Uint8Array(await content.slice(at, at + stride).arrayBuffer()), false);
      entry.push(new Uint8Array(0), true);
      if (failure) throw failure;
    },
    finish() {
      zip.end();
      if (failure) throw failure;
      return new Blob(parts, { type: 'application/zip' });
    },
  });
}

/** Names that no two files of one folder may share, whatever the system says of letter case. */
export function distinctNames(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    const plain = name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '_').replace(/^\.+/, '') || 'file';
    const [, stem, ending] = /^(.*?)(\.[^.]*)?$/.exec(plain)!;
    for (let i = 1; ; i += 1) {
      const wanted = i === 1 ? plain : `${stem}-${i}${ending ?? ''}`;
      if (used.has(wanted.toLowerCase())) continue;
      used.add(wanted.toLowerCase());
      return wanted;
    }
  });
}
