// What JSON.parse does not say of a text that others wrote, looked at before it makes objects of it.

/**
 * A problem of a JSON text in words, undefined where there is none: a key that an object has twice (the readers of a file
 * would not agree on it), or more than `maxValues` values. Texts that are not JSON pass: JSON.parse refuses them.
 */
export function jsonProblem(text: string, maxValues: number): string | undefined {
  /** Keys of the open objects; undefined for lists. */
  const open: (Set<string> | undefined)[] = [];
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: {
        const end = stringEnd(text, at);
        if (end < 0) return undefined;
        if (isKey(text, end)) {
          const key = unquoted(text.slice(at, end));
          const keys = open.at(-1);
          if (key !== undefined && keys?.has(key)) return `the key ${JSON.stringify(key)} twice`;
          if (key !== undefined) keys?.add(key);
        }
        at = end - 1;
        break;
      }
      case 0x7b: // {
      case 0x5b: // [
        open.push(text.charCodeAt(at) === 0x7b ? new Set() : undefined);
        values++;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        break;
      case 0x2c: // ,
        values++;
    }
    if (values > maxValues) return `more than ${maxValues} values`;
  }
  return undefined;
}

/** Behind the closing quote of the string that begins at `start`; -1: there is none. */
function stringEnd(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === 0x5c) before--;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
  return -1;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
  return text[at] === ':';
}

function unquoted(quoted: string): string | undefined {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}
