// A method of zero-shot anomaly detection on a CLIP: prompts that are learned, or prompts that are written down.
import type { FapromptOptions } from '../faprompt/options.ts';
import type { WrittenPrompts } from './written.ts';

/** FAPrompt, its ablations, AnomalyCLIP: options and nothing else. */
export interface LearnedMethod {
  readonly kind: 'learned';
  readonly name: string;
  /** What it is, in a few words. */
  readonly title: string;
  readonly options: FapromptOptions;
}

/** Hand-written prompts: nothing is trained. */
export interface WrittenMethod {
  readonly kind: 'written';
  readonly name: string;
  readonly title: string;
  readonly prompts: WrittenPrompts;
}

export type Method = LearnedMethod | WrittenMethod;
