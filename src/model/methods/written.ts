// Hand-written prompts: states of an object, in templates.

import type { Tokenizer } from '../clip/tokenizer/tokenizer.ts';
import type { ValueKind } from '../value-kinds.ts';
import { spokenName } from './texts.ts';

export interface WrittenPrompts {
  /** Phrases for an object without and with defects; "{}" stands for the object. */
  readonly normal: readonly string[];
  readonly abnormal: readonly string[];
  /** Sentences; "{}" stands for a phrase. */
  readonly templates: readonly string[];
  /** The object's name; "{class}" stands for the class of the image. */
  readonly object: string;
  readonly temperature: number;
}

export const promptKinds = {
  normal: { kind: 'texts' },
  abnormal: { kind: 'texts' },
  templates: { kind: 'texts' },
  object: { kind: 'text' },
  // Far below CLIP's own 0.01 probabilities are 0, 1 or no number; far above all of them are 0.5.
  temperature: { kind: 'number', min: 0.001, max: 100 },
} as const satisfies Record<keyof WrittenPrompts, ValueKind>;

/** Whether the texts differ from class to class. */
export const namesClass = ({ object }: Pick<WrittenPrompts, 'object'>): boolean => object.includes('{class}');

/**
 * Every state in every template, templates innermost.
 * @param className what "{class}" stands for: `metal_nut`
 */
export function phrases(
  { normal, abnormal, templates, object }: Omit<WrittenPrompts, 'temperature'>,
  className = 'object',
): { normal: string[]; abnormal: string[] } {
  const name = object.replaceAll('{class}', className);
  const compose = (states: readonly string[]) =>
    states.flatMap((state) => templates.map((t) => t.replaceAll('{}', state.replaceAll('{}', name))));
  return { normal: compose(normal), abnormal: compose(abnormal) };
}

/** Whether underscores of a class's name are kept, or read as spaces. */
export type Underscores = 'keep' | 'space';

/** The same with a class's name as the vocabulary can say it. */
export const spokenPhrases = (
  prompts: Omit<WrittenPrompts, 'temperature'>,
  tokenizer: Tokenizer,
  className = 'object',
  underscores: Underscores = 'space',
) =>
  phrases(
    prompts,
    spokenName(tokenizer, underscores === 'keep' ? className : className.replaceAll('_', ' ')),
  );
