import type { Plugin } from 'esbuild';

export function esbuildInlined(
  contents?: Readonly<
    Record<
      string,
      () => Promise<{ readonly contents: string | Uint8Array; readonly loader: 'text' | 'binary' }>
    >
  >,
): Plugin;
