/** Every failure of the GPU room is one of these; `kind` lets a program tell them apart without instanceof. */
export type GpuErrorKind =
  | 'no-webgpu'
  | 'no-adapter'
  | 'limit-too-small'
  | 'out-of-memory'
  | 'device-lost'
  | 'shader-compile'
  | 'validation';

export class GpuError extends Error {
  override readonly name = 'GpuError';
  constructor(
    readonly kind: GpuErrorKind,
    message: string,
  ) {
    super(message);
  }
}

/** Whether less of it might have fitted. */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof GpuError && ['limit-too-small', 'out-of-memory'].includes(error.kind);

export const formatBytes = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
};
