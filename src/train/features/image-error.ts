import { ImageError } from '../../data/errors.ts';
import { GpuError } from '../../gpu/errors.ts';

/** Runs an image through a model: what does not fit the adapter is the image's fault then, not the model's. */
export async function withImageError<T>(
  name: string,
  { width, height }: { readonly width: number; readonly height: number },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GpuError && ['limit-too-small', 'out-of-memory'].includes(error.kind)))
      throw error;
    throw new ImageError(name, 'an image that fits the adapter', `${width} x ${height}: ${error.message}`, {
      cause: error,
    });
  }
}
