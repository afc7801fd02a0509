import { decodeReference } from '#html/references';

/**
 * Replaces HTML character references exactly as Python's `html.unescape` does: as HTML 5 has them, except that
 * references to code points which are not characters vanish.
 */
export function unescapeHtml(text: string): string {
  return text.replace(
    /&(?:#(\d+);?|#[xX]([\da-fA-F]+);?|[^\t\n\f <&#;]{1,32};?)/gu,
    (reference: string, decimal?: string, hexadecimal?: string) => {
      if (decimal !== undefined) return character(Number.parseInt(decimal, 10));
      if (hexadecimal !== undefined) return character(Number.parseInt(hexadecimal, 16));
      return decodeReference(reference);
    },
  );
}

/** Code points 0x80 to 0x9f, which HTML reads as windows-1252; gaps stay as they are. */
const windows1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

function character(code: number): string {
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return '\ufffd';
  if (code >= 0x80 && code <= 0x9f) return windows1252[code - 0x80]!;
  const control = code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0c && code !== 0x0d;
  const noncharacter = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
  return control || code === 0x7f || noncharacter ? '' : String.fromCodePoint(code);
}
