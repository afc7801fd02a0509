// Every shader within what WebGPU guarantees on every adapter: one with no more than that trains too.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { slimShader } from '../scripts/wgsl-plugin.mjs';
import type { Shader } from '../src/gpu/shader.ts';

/** WebGPU's default of maxStorageBuffersPerShaderStage. */
const guaranteedStorageBuffers = 8;

const folder = path.resolve(import.meta.dirname, '../src');
const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.wgsl'));
/** What other shaders include is no shader: its header says what it wants of them. */
const isPart = (text: string) => /^\/\/ Includer /m.test(text);
const shaders = (
  await Promise.all(
    files.map(async (file) =>
      isPart(await readFile(path.join(folder, file), 'utf8'))
        ? {}
        : ((await import(path.join(folder, file))) as { default?: Shader }),
    ),
  )
).flatMap((module) => module.default ?? []);

test('no shader binds more storage buffers than every adapter has', () => {
  expect(shaders.length).toBeGreaterThan(40);
  const over = shaders
    .filter(({ bindings }) => bindings.length > guaranteedStorageBuffers)
    .map(({ path, bindings }) => `${path}: ${bindings.length}`);
  expect(over).toEqual([]);
});

test('a shader that uses subgroups asks for their size, as gpu/subgroups.ts takes the request away', () => {
  const usesSubgroups = shaders.filter(({ code }) => /^enable subgroups;/m.test(code));
  expect(usesSubgroups.length).toBeGreaterThan(5);
  for (const { path, code, overrides } of usesSubgroups) {
    expect(overrides, path).toContain('SUBGROUP');
    for (const request of ['enable subgroup_size_control;', '@subgroup_size(SUBGROUP)'])
      for (const text of [code, slimShader(code)])
        expect(text.split(request), `${path}: ${request}`).toHaveLength(2);
  }
});
