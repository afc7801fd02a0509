/** Text files in the encodings of other systems. */

/**
 * Text of a file's bytes: by its byte order mark UTF-8 or UTF-16; without one UTF-16 where every other byte is zero
 * (as PowerShell and Excel write), else UTF-8, and Windows-1252 (which has Latin-1) where it is no UTF-8. Never fails;
 * the mark is left out.
 */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder(encodingOf(bytes)).decode(bytes);
}

function encodingOf(bytes: Uint8Array): string {
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  const pairs = Math.min(bytes.length >> 1, 64);
  if (pairs >= 2) {
    let even = 0;
    let odd = 0;
    for (let i = 0; i < pairs; i++) {
      if (bytes[2 * i] === 0) even++;
      if (bytes[2 * i + 1] === 0) odd++;
    }
    if (odd > pairs / 2 && even === 0) return 'utf-16le';
    if (even > pairs / 2 && odd === 0) return 'utf-16be';
  }
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return 'utf-8';
  } catch {
    return 'windows-1252';
  }
}
