import type { Metafile } from 'esbuild';

export function buildBrowser(outdir?: string): Promise<Metafile>;
export function buildNode(outdir?: string): Promise<Metafile>;
export function buildCommand(): Promise<Metafile>;
export function buildLibrary(dist?: string): Promise<void>;
