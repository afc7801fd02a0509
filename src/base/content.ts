/** What a file is by its first bytes, for messages about a file that is not what it should be. */
import { decodeText } from './decode-text.ts';

/** Bytes that {@link describeContent} looks at. */
export const contentBytes = 512;

/** First bytes as Latin-1 text, from an offset, and what they are the signature of. */
const signatures: readonly (readonly [at: number, start: string, name: string])[] = [
  [0, '\x89PNG', 'a PNG image'],
  [0, '\xff\xd8\xff', 'a JPEG image'],
  [0, 'GIF8', 'a GIF image'],
  [8, 'WEBP', 'a WebP image'],
  [0, 'II*\0', 'a TIFF image'],
  [0, 'MM\0*', 'a TIFF image'],
  [4, 'ftypavif', 'an AVIF image'],
  [4, 'ftypavis', 'an AVIF image'],
  [4, 'ftyphe', 'a HEIC image'],
  [4, 'ftypmif1', 'a HEIF image'],
  [4, 'ftypmsf1', 'a HEIF image'],
  [4, 'ftyp', 'a video (MP4)'],
  [4, 'jP  ', 'a JPEG 2000 image'],
  [0, '\xff\x4f\xff\x51', 'a JPEG 2000 image'],
  [4, 'JXL ', 'a JPEG XL image'],
  [0, '\xff\x0a', 'a JPEG XL image'],
  [0, '8BPS', 'a Photoshop image'],
  [0, '\x76\x2f\x31\x01', 'an OpenEXR image'],
  [128, 'DICM', 'a DICOM file'],
  [0, '%PDF', 'a PDF'],
  [0, 'PK\x03\x04', 'a zip archive (of PyTorch? `faprompt weights convert` reads those)'],
  [0, 'PK\x05\x06', 'an empty zip archive'],
  [0, '\x1f\x8b', 'a gzip archive: unpack it'],
  [0, 'BZh', 'a bzip2 archive: unpack it'],
  [0, '\xfd7zXZ', 'an xz archive: unpack it'],
  [0, '7z\xbc\xaf', 'a 7z archive: unpack it'],
  [0, 'Rar!', 'a RAR archive: unpack it'],
  [0, '(\xb5/\xfd', 'a zstd archive: unpack it'],
  [257, 'ustar', 'a tar archive'],
  [0, '\x89HDF', 'an HDF5 file'],
  [0, '\x93NUMPY', 'a NumPy array'],
  [0, 'GGUF', 'a GGUF file'],
];

/** Whether a file is a pointer that Git LFS leaves in a file's place. */
const isLfs = (text: string): boolean => /^version https:\/\/(git-lfs|hawser)\./.test(text);

/**
 * Says what a file holds: `a Git LFS pointer, not the file itself: ...`, `an HTML page ...`, `a PNG image`, `the text
 * "..."`.
 * @param start its first bytes, some hundred of them
 */
export function describeContent(start: Uint8Array): string {
  if (start.length === 0) return 'an empty file';
  const head = start.subarray(0, contentBytes);
  const binary = String.fromCharCode(...head);
  const known = signatures.find(([at, signature]) => binary.startsWith(signature, at));
  if (known) return known[2];
  if (/^.{4}\0{4}\{/s.test(binary)) return 'a safetensors file';
  if (head[0] === 0x80 && head[1]! <= 5) return 'a Python pickle';
  if (head.every((byte) => byte === 0)) return 'nothing but zeros (a download that was cut off?)';
  const text = decodeText(head).trimStart();
  if (isLfs(text)) return 'a Git LFS pointer, not the file itself: `git lfs pull` gets it';
  if (/^(<!doctype\s+html|<html|<head|<body)/i.test(text))
    return 'an HTML page (an error or a login page, saved in place of the file?)';
  if (/^<\?xml|^<svg|^<[a-z]+[ >]/i.test(text)) return 'an XML file';
  if (/^[{[]/.test(text)) return `JSON: ${quote(text)}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they tell bytes from text
  if (!/[\u0000-\u0008\u000e-\u001f\ufffd]/.test(text)) return `the text ${quote(text)}`;
  return `a file that begins with ${quote(binary.slice(0, 8))}`;
}

const quote = (text: string): string => {
  const line = text.split(/\r?\n/, 1)[0]!;
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
};
