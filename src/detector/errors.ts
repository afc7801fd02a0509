import { visible } from '../base/text.ts';

/**
 * What kind of failure it is, for programs.
 *
 * - `no-webgpu`: this browser has none. `no-adapter`: it has, but no device behind it.
 * - `device-lost`: and could not be recovered. `out-of-memory`. `too-large`: an image or a model beyond the adapter's limits.
 * - `bad-weights`, `bad-prompts`, `bad-image`, `bad-text`, `bad-option`: what was given; the message names it.
 * - `network`: an address cannot be had.
 * - `training`: a loss that is not finite, no usable image.
 * - `missing-package`: Node, webgpu or sharp is not installed.
 * - `closed`: the detector was closed.
 * - `internal`: a fault of the library's.
 */
export type DetectorErrorKind =
  | 'no-webgpu'
  | 'no-adapter'
  | 'device-lost'
  | 'out-of-memory'
  | 'too-large'
  | 'bad-weights'
  | 'bad-prompts'
  | 'bad-image'
  | 'bad-text'
  | 'bad-option'
  | 'network'
  | 'training'
  | 'missing-package'
  | 'closed'
  | 'internal';

/** Every failure of the library is one of these, on both sides of the worker; `kind` is for programs. */
export class DetectorError extends Error {
  override readonly name = 'DetectorError';
  readonly kind: DetectorErrorKind;
  /** What can be done about it, in a sentence; absent where nothing is known. */
  readonly hint?: string;
  /** File, address or image concerned. */
  readonly file?: string;

  constructor(
    kind: DetectorErrorKind,
    message: string,
    { hint, file, cause }: { hint?: string | undefined; file?: string | undefined; cause?: unknown } = {},
  ) {
    super(visible(message), cause === undefined ? undefined : { cause });
    this.kind = kind;
    if (hint !== undefined) this.hint = hint;
    if (file !== undefined) this.file = file;
  }
}

/** What jobs in hand, and those that come later, are told. */
export const closedError = (cause?: unknown): DetectorError =>
  new DetectorError('closed', 'this detector was closed', { cause });
