import type { Plugin as EsbuildPlugin } from 'esbuild';
import type { Plugin as VitePlugin } from 'vite';
import type { Shader } from '../src/gpu/shader.ts';

/** @param root folder that paths in the shader and in errors start from; default: the repository */
export function loadShader(file: string, root?: string): Promise<Shader>;
export function slimShader(code: string): string;
export const esbuildWgsl: EsbuildPlugin;
export const viteWgsl: VitePlugin;
