// Turns `import shader from './x.wgsl'` into a Shader object (src/gpu/shader.ts): the text with its parts (`#include`,
// wgsl-include.mjs), paths for error messages, and what wgsl_reflect reads off it, so that bindings, uniforms, overrides
// and constants are declared once, in WGSL. One plugin for esbuild (build) and one for Vite (vitest), around the same
// function.
import path from 'node:path';
import { WgslParser, WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import { originOf, resolveIncludes } from './wgsl-include.mjs';

const repository = path.resolve(import.meta.dirname, '..');

/** wgsl_reflect's errors name a line of the resolved text, in their own words. */
function explain(error, origins) {
  const message = String(error.message ?? error);
  const line = Number(/\bline:?\s*(\d+)/i.exec(message)?.[1] ?? error.token?.line ?? 1);
  return `${originOf(origins, Math.max(1, line))}: wgsl_reflect cannot read it: ${message}`;
}

/**
 * The text as wgsl_reflect can read it, line for line: types of subgroup matrices (chromium_experimental_subgroup_matrix)
 * are unknown to it, nothing that it reads off a shader depends on them.
 */
const reflectable = (code) =>
  code
    .replace(/\bsubgroup_matrix_(left|right|result)<[^<>]*>/g, 'mat4x4f')
    .replace(/\bsubgroupMatrix(Load|Store|Multiply)<[^<>]*>/g, 'subgroupMatrix$1');

/** Module constants that are integers: `const ADD = 0u;` */
function integersOf(code) {
  const constants = {};
  for (const node of new WgslParser().parse(code)) {
    if (node.astNodeType !== 'const') continue;
    const value = Number(node.value?.value?.data?.[0]);
    if (Number.isInteger(value)) constants[node.name] = value;
  }
  return constants;
}

/** The Shader of a file, and all files that it is made from. */
export async function loadShaderFiles(file, root = repository) {
  const { code, origins, files } = await resolveIncludes(file, root);
  const name = path.relative(root, file).split(path.sep).join('/');
  let reflected;
  let constants;
  try {
    reflected = new WgslReflect(reflectable(code));
    constants = integersOf(reflectable(code));
  } catch (error) {
    throw new Error(explain(error, origins));
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
  const shader = {
    path: name,
    code,
    origins,
    bindings,
    uniform: uniform && {
      binding: uniform.binding,
      size: Math.ceil(uniform.type.size / 16) * 16,
      members: uniform.type.members.map((m) => ({ name: m.name, offset: m.offset, type: m.type.name })),
    },
    overrides: reflected.overrides.map((o) => o.name),
    constants,
  };
  return { shader, files };
}

export const loadShader = async (file, root) => (await loadShaderFiles(file, root)).shader;

/**
 * A shader's text without comments and with no more white space than its words need, for minified builds. WGSL has no strings: nothing but a
 * comment looks like one. Block comments may be nested, and are left alone.
 */
export const slimShader = (code) =>
  code.includes('/*')
    ? code
    : code
        .split('\n')
        .map((line) => line.replace(/\/\/.*$/, '').trim())
        .filter(Boolean)
        .join('\n')
        // Never between signs that could become another one: `a - -b` keeps its spaces.
        .replace(/\s*([{}()[\],;:=<>!?|^%@])\s*/g, '$1')
        .replace(/(?<=[\w)\]]) ([-+*/&]) (?=[\w(])/g, '$1');

const moduleText = (shader, slim = false) =>
  `export default ${JSON.stringify(slim ? { ...shader, code: slimShader(shader.code), origins: [] } : shader)};`;

export const esbuildWgsl = {
  name: 'wgsl',
  setup(build) {
    build.onLoad({ filter: /\.wgsl$/ }, async ({ path: file }) => {
      const { shader, files } = await loadShaderFiles(file);
      const slim = build.initialOptions.minify === true;
      return { contents: moduleText(shader, slim), loader: 'js', watchFiles: files };
    });
  },
};

export const viteWgsl = {
  name: 'wgsl',
  enforce: 'pre',
  async load(id) {
    if (!id.endsWith('.wgsl')) return undefined;
    const { shader, files } = await loadShaderFiles(id);
    for (const file of files) this.addWatchFile(file);
    return moduleText(shader);
  },
};
