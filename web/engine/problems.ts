// Failures in words that say what happened and what to do next.
import { DetectorError, type DetectorErrorKind } from '../../src/detector/index.ts';
import { wordsFor } from './words.ts';

export interface Problem {
  readonly kind: DetectorErrorKind | 'stopped' | 'unknown';
  /** What happened, in a few words. */
  readonly title: string;
  /** What happened, in a sentence for people; absent where the title says it all. */
  readonly text?: string;
  /** What can be done. */
  readonly hint?: string;
  /** The error's own message, for whoever has to find out more. */
  readonly detail: string;
}

const titles: Partial<Record<DetectorErrorKind, string>> = {
  'no-webgpu': 'This browser has no WebGPU',
  'no-adapter': 'No graphics device',
  'device-lost': 'The graphics device was lost',
  'out-of-memory': 'Not enough graphics memory',
  'too-large': 'Too large for this device',
  'bad-weights': 'These weights cannot be used',
  'bad-prompts': 'These prompts cannot be used',
  'bad-image': 'This image cannot be read',
  'bad-text': 'This text cannot be used',
  'bad-option': 'A setting cannot be used',
  network: 'The download failed',
  training: 'Training stopped',
};

/** Any failure, explained. */
export function explain(error: unknown): Problem {
  if (error instanceof DOMException && error.name === 'AbortError')
    return { kind: 'stopped', title: 'Stopped', detail: '' };
  const detail = error instanceof Error ? error.message : String(error);
  if (!(error instanceof DetectorError))
    return {
      kind: 'unknown',
      title: 'Something went wrong',
      text: 'The page did not expect this.',
      hint: 'Try again; reload the page if it happens again.',
      detail,
    };
  const { kind, file } = error;
  const { title = titles[kind] ?? 'Something went wrong', ...words } = wordsFor(kind, detail, nameOf(file));
  return { kind, title, ...words, detail };
}

/** A file's or an address's own name: its folder or server says little to people. */
const nameOf = (file: string | undefined): string | undefined =>
  file
    ?.replace(/[?#].*$/, '')
    .split('/')
    .filter(Boolean)
    .at(-1);

/** Whether a failure would meet every other image as well. */
export const concernsAll = ({ kind }: Problem): boolean => kind !== 'bad-image' && kind !== 'too-large';
