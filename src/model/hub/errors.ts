import { visible } from '../../base/text.ts';

/** A download that failed, or a model that is not there. */
export class HubError extends Error {
  override readonly name = 'HubError';
  constructor(
    readonly kind:
      | 'unknown-model'
      | 'not-a-clip'
      | 'offline'
      | 'refused'
      | 'network'
      | 'disk' // of this machine: full, or not to be written to
      | 'wrong-length'
      | 'wrong-checksum',
    message: string,
    options?: ErrorOptions,
  ) {
    super(visible(message), options);
  }
}
