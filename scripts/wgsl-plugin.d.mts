import type { Plugin as EsbuildPlugin } from 'esbuild';
import type { Plugin as VitePlugin } from 'vite';
import type { Shader } from '../src/gpu/shader.ts';

export function loadShader(file: string): Promise<Shader>;
export const esbuildWgsl: EsbuildPlugin;
export const viteWgsl: VitePlugin;
