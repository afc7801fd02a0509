// Every room's errors as the library's one, with a hint where something can be done.
import { ImageError, MaskError } from '../data/errors.ts';
import { TokenizerError, UnreachableError, WeightsError } from '../formats/errors.ts';
import { GpuError, type GpuErrorKind } from '../gpu/errors.ts';
import { ScoreError } from '../model/faprompt/verdict.ts';
import { TrainingError } from '../train/errors.ts';
import { DetectorError, type DetectorErrorKind } from './errors.ts';

const smaller = 'use a smaller CLIP, a smaller `size`, or a smaller image';

const ofGpu: Readonly<Record<GpuErrorKind, { kind: DetectorErrorKind; hint?: string }>> = {
  'no-webgpu': {
    kind: 'no-webgpu',
    hint: 'use Chrome or Edge 113, Safari 26, Firefox 141 or newer, over https or on localhost',
  },
  'no-adapter': {
    kind: 'no-adapter',
    hint:
      typeof location === 'undefined' // Node
        ? 'run `npx faprompt setup`'
        : "switch on hardware acceleration in the browser's settings",
  },
  'device-lost': { kind: 'device-lost', hint: 'close other programs that use the GPU, and try again' },
  'out-of-memory': { kind: 'out-of-memory', hint: smaller },
  'limit-too-small': { kind: 'too-large', hint: smaller },
  'shader-compile': { kind: 'internal' },
  validation: { kind: 'internal' },
};

/**
 * @param weights what a WeightsError is about here
 * @returns the error itself where it is the library's already
 */
export function asDetectorError(
  cause: unknown,
  weights: 'bad-weights' | 'bad-prompts' = 'bad-weights',
): DetectorError {
  if (cause instanceof DetectorError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof GpuError) {
    const { kind, hint } = ofGpu[cause.kind];
    return new DetectorError(kind, message, { hint, cause });
  }
  if (cause instanceof UnreachableError) {
    const hint = 'check the address and the connection; a server elsewhere must allow this page (CORS)';
    return new DetectorError('network', message, { hint, file: cause.file, cause });
  }
  if (cause instanceof WeightsError) return new DetectorError(weights, message, { file: cause.file, cause });
  if (cause instanceof ImageError || cause instanceof MaskError)
    return new DetectorError('bad-image', message, { file: cause.file, cause });
  if (cause instanceof ScoreError)
    return new DetectorError('bad-weights', message, {
      hint: 'the weights or the prompts are damaged, or do not belong together',
      file: cause.file,
      cause,
    });
  if (cause instanceof TokenizerError) return new DetectorError('bad-text', message, { cause });
  if (cause instanceof TrainingError) return new DetectorError('training', message, { cause });
  // By name: the class comes with Node's modules, which a browser has no use for.
  if (cause instanceof Error && cause.name === 'MissingPackageError')
    return new DetectorError('missing-package', message, { hint: 'npm install webgpu sharp', cause });
  if (cause instanceof RangeError) return new DetectorError('bad-option', message, { cause });
  return new DetectorError('internal', message, { cause });
}

/** As `asDetectorError`, but an abort stays what it is: its signal's reason. */
export function failureOf(
  error: unknown,
  signal: AbortSignal | undefined,
  weights?: 'bad-weights' | 'bad-prompts',
): unknown {
  return signal?.aborted ? signal.reason : asDetectorError(error, weights);
}
