// Every shader within what WebGPU guarantees on every adapter: one with no more than that trains too.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Shader } from '../src/gpu/shader.ts';

/** WebGPU's default of maxStorageBuffersPerShaderStage. */
const guaranteedStorageBuffers = 8;

const folder = path.resolve(import.meta.dirname, '../src');
const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.wgsl'));
const shaders = (
  await Promise.all(
    files.map(async (file) => (await import(path.join(folder, file))) as { default?: Shader }),
  )
).flatMap((module) => module.default ?? []);

test('no shader binds more storage buffers than every adapter has', () => {
  expect(shaders.length).toBeGreaterThan(40);
  const over = shaders
    .filter(({ bindings }) => bindings.length > guaranteedStorageBuffers)
    .map(({ path, bindings }) => `${path}: ${bindings.length}`);
  expect(over).toEqual([]);
});
