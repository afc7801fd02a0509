// What the library says while it works.

/**
 * `read`: bytes of weights and prompts, from wherever they come, onto the device; one total for all files.
 * `compile`: pipelines. `compute`: the work of the image or step under way (floating-point operations).
 */
export type Phase = 'read' | 'compile' | 'compute';

/** How far the work under way is. */
export interface Progress {
  readonly phase: Phase;
  /** Of `total`, in the phase's unit: see {@link Phase}. Never falls within a phase. */
  readonly done: number;
  /** May grow while `read` finds more files. */
  readonly total: number;
  /** For `read`: where the bytes come from. */
  readonly from?: 'network' | 'storage' | 'file';
}

/** Something to know that stops nothing. */
export interface Warning {
  /**
   * `storage-full`: no room, went on without storing the weights. `storage-unavailable`: a private window, no OPFS.
   * `storage-damaged`: what was stored had the wrong hash, and was removed and read anew. `notice`: what the weights say
   * about themselves ("random weights: ..."), or which prompts were taken unasked.
   */
  readonly kind: 'storage-full' | 'storage-unavailable' | 'storage-damaged' | 'notice';
  /** For people, in English. */
  readonly message: string;
}

/** The device's fate. After `lost` the model is loaded again and the job in hand run again; then `recovered` or `failed`. */
export interface DeviceEvent {
  readonly state: 'lost' | 'recovered' | 'failed';
  readonly message: string;
}
