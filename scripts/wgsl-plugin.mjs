// Turns `import shader from './x.wgsl'` into a Shader object (src/gpu/shader.ts): the text, its path for error
// messages, and what wgsl_reflect reads off it, so that bindings, uniforms and overrides are declared once, in WGSL.
// One plugin for esbuild (build) and one for Vite (vitest), around the same function.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';

const root = path.resolve(import.meta.dirname, '..');

export async function loadShader(file) {
  const code = await readFile(file, 'utf8');
  const name = path.relative(root, file).split(path.sep).join('/');
  let reflected;
  try {
    reflected = new WgslReflect(code);
  } catch (error) {
    throw new Error(`${name}: wgsl_reflect cannot read it: ${error.message ?? error}`);
  }
  const entries = reflected.entry.compute;
  if (entries.length !== 1 || entries[0].name !== 'main') {
    throw new Error(`${name}: expected exactly one compute entry point, "main"`);
  }
  const bindings = reflected.storage.map((v) => ({
    name: v.name,
    binding: v.binding,
    access: v.access || 'read',
  }));
  const uniform = reflected.uniforms[0];
  return {
    path: name,
    code,
    bindings,
    uniform: uniform && {
      binding: uniform.binding,
      size: Math.ceil(uniform.type.size / 16) * 16,
      members: uniform.type.members.map((m) => ({ name: m.name, offset: m.offset, type: m.type.name })),
    },
    overrides: reflected.overrides.map((o) => o.name),
  };
}

const moduleText = async (file) => `export default ${JSON.stringify(await loadShader(file))};`;

export const esbuildWgsl = {
  name: 'wgsl',
  setup(build) {
    build.onLoad({ filter: /\.wgsl$/ }, async ({ path: file }) => ({
      contents: await moduleText(file),
      loader: 'js',
    }));
  },
};

export const viteWgsl = {
  name: 'wgsl',
  enforce: 'pre',
  async load(id) {
    return id.endsWith('.wgsl') ? moduleText(id) : undefined;
  },
};
