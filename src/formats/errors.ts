import { visible } from '../base/text.ts';

/** What is wrong where: the common part of the errors of this room. */
export interface Mismatch {
  /** File (path or address) that was read. */
  readonly file: string;
  /** Tensor concerned, where one is. */
  readonly tensor?: string;
  readonly expected: string;
  readonly found: string;
}

/** A weights file (or a vocabulary file) that is damaged, or is not what the model needs. */
export class WeightsError extends Error implements Mismatch {
  readonly file: string;
  readonly tensor?: string;
  readonly expected: string;
  readonly found: string;

  constructor({ file, tensor, expected, found }: Mismatch, options?: ErrorOptions) {
    const where = tensor === undefined ? visible(file) : `${visible(file)}: tensor ${shorten(tensor)}`;
    super(`${where}: expected ${shorten(expected)}, found ${shorten(found)}`, options);
    this.name = 'WeightsError';
    this.file = file;
    this.tensor = tensor;
    this.expected = expected;
    this.found = found;
  }
}

/** An address that cannot be read: no connection, no such file, a server that does not do what is needed. */
export class UnreachableError extends WeightsError {}

/** A text that the tokenizer cannot encode, or that is longer than the context. */
export class TokenizerError extends Error {
  /** The text, or the word of it, concerned. */
  readonly text: string;
  readonly expected: string;
  readonly found: string;

  constructor({ text, expected, found }: { text: string; expected: string; found: string }) {
    super(`text "${shorten(text)}": expected ${shorten(expected)}, found ${shorten(found)}`);
    this.name = 'TokenizerError';
    this.text = text;
    this.expected = expected;
    this.found = found;
  }
}

/** Keeps a message readable when a damaged file yields a very long name, or one that a terminal would act on. */
const shorten = (text: string): string => visible(text.length <= 300 ? text : `${text.slice(0, 300)}…`);
