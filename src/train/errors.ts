import { visible } from '../base/text.ts';

/** A run that cannot start, continue or go on: what about it, what was expected there and what was found. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError';
  /** Name of the setting or quantity concerned: `batch`, `loss`. */
  readonly setting: string;
  readonly expected: string;
  readonly found: string;

  constructor({
    setting,
    expected,
    found,
    file,
  }: { setting: string; expected: string; found: string; file?: string }) {
    super(
      visible(`${file === undefined ? '' : `${file}: `}${setting}: expected ${expected}, found ${found}`),
    );
    this.setting = setting;
    this.expected = expected;
    this.found = found;
  }
}
