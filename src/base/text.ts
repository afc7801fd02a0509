// Text that others wrote (names of files and classes, metadata, a pickle's globals), as it may be shown.

// C0 and C1 controls, DEL, the marks and overrides of text direction, and the separators that Unicode adds to newlines.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Escapes as JSON has them, so that JSON stays the same JSON. */
const escaped = (character: string): string =>
  short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** On one line, and without anything that a terminal acts on or that reorders what is read: shown escaped instead. */
export const visible = (text: string): string => text.replace(unsafe, escaped);

/** The same for text of several lines of one's own. */
export const visibleLines = (text: string): string =>
  text.replace(unsafe, (character) => (character === '\n' ? '\n' : escaped(character)));

/** JSON without raw controls; the same value when it is read. */
export const visibleJson = (value: unknown, indent?: number): string =>
  visibleLines(JSON.stringify(value, null, indent));

/** imageSize -> image-size */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
