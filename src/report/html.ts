// HTML from templates, every value escaped.
import { escapeUTF8 } from 'entities/escape';

/** Markup that may go into a page as it is. */
export class Html {
  constructor(readonly text: string) {}
}

type Value = string | number | Html | readonly Html[];

const render = (value: Value): string => {
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return escapeUTF8(String(value));
};

/** Texts and numbers are escaped, for elements and for attributes in double quotes; markup is not. */
export const html = (parts: TemplateStringsArray, ...values: readonly Value[]): Html =>
  new Html(parts.map((part, i) => (i === 0 ? part : render(values[i - 1]!) + part)).join(''));

export const nothing = new Html('');
