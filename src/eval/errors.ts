/** Input that no metric is defined for; says which argument, what was expected and what was found. */
export class MetricInputError extends Error {
  override readonly name = 'MetricInputError';
  constructor(
    readonly field: string,
    readonly expected: string,
    readonly found: string,
  ) {
    super(`${field}: expected ${expected}, found ${found}`);
  }
}
