export interface Adapter {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
}

/** `code` is Node's error code where the npm package `webgpu` could not be loaded at all. */
export type Probe = { adapter: Adapter } | { adapter: null; reason: string; code?: string };

export function probe(env?: NodeJS.ProcessEnv): Probe;
export function describe(adapter: Adapter): string;
