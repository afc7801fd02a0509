// Failures in words that say what happened and what to do next.
import { DetectorError, type DetectorErrorKind } from '../../src/detector/index.ts';

export interface Problem {
  readonly kind: DetectorErrorKind | 'stopped' | 'unknown';
  /** What happened, in a few words. */
  readonly title: string;
  /** The error's own message. */
  readonly detail: string;
  /** What can be done. */
  readonly hint?: string;
}

const known: Partial<Record<DetectorErrorKind, { title: string; hint?: string }>> = {
  'no-webgpu': { title: 'This browser has no WebGPU' },
  'no-adapter': {
    title: 'No graphics device',
    hint: 'Check that hardware acceleration is on in the browser’s settings.',
  },
  'device-lost': {
    title: 'The graphics device was lost',
    hint: 'That happens when a driver restarts or the computer sleeps. Try again.',
  },
  'out-of-memory': {
    title: 'Not enough graphics memory',
    hint: 'Use a smaller model, or a smaller image size under Model. Closing other tabs helps too.',
  },
  'too-large': {
    title: 'Too large for this device',
    hint: 'Use a smaller model, or a smaller image size under Model.',
  },
  'bad-weights': { title: 'These weights cannot be used' },
  'bad-prompts': { title: 'These prompts cannot be used' },
  'bad-image': { title: 'This image cannot be read' },
  'bad-option': { title: 'A setting cannot be used' },
  network: { title: 'The download failed', hint: 'Check the address and the connection, then try again.' },
  training: { title: 'Training stopped' },
};

/** Any failure, explained. */
export function explain(error: unknown): Problem {
  if (error instanceof DOMException && error.name === 'AbortError')
    return { kind: 'stopped', title: 'Stopped', detail: '' };
  const detail = error instanceof Error ? error.message : String(error);
  if (!(error instanceof DetectorError)) return { kind: 'unknown', title: 'Something went wrong', detail };
  const { title = 'Something went wrong', hint } = known[error.kind] ?? {};
  const advice = error.hint ?? hint;
  return { kind: error.kind, title, detail, ...(advice === undefined ? {} : { hint: advice }) };
}

/** Whether a failure would meet every other image as well. */
export const concernsAll = ({ kind }: Problem): boolean => kind !== 'bad-image' && kind !== 'too-large';
