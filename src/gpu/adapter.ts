/** Where adapters come from: Dawn in Node, `navigator.gpu` in a browser. */
export interface AdapterSource {
  /** @param options boundsChecks: whether shaders check array indices, where that can be chosen */
  open(options: { readonly boundsChecks: boolean }): Promise<GPUAdapter>;
  release(): void;
  /** Collects what JavaScript holds no longer, where a program may ask for it. */
  collect(): void;
  /** Bytes that a software adapter may use: it allocates lazily and never says that memory is short. */
  softwareMemory(): number;
}
