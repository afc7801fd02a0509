import { type Gpu, openGpu } from '../src/gpu/gpu.ts';

let opened: Promise<Gpu> | undefined;

/** The one device that all test files share (vitest runs them in one process). */
export const testGpu = (): Promise<Gpu> => {
  opened ??= openGpu();
  return opened;
};
