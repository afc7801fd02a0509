// Turns `import shader from './x.wgsl'` into a Shader object (src/gpu/shader.ts): the text with its parts (`#include`,
// wgsl-include.mjs), paths for error messages, and what wgsl_reflect reads off it, so that bindings, uniforms, overrides
// and constants are declared once, in WGSL. One plugin for esbuild (build) and one for Vite (vitest), around the same
// function.
import path from 'node:path';
import { WgslParser, WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import { originOf, resolveIncludes, stretchesOf } from './wgsl-include.mjs';
import { packFacts } from './wgsl-join.mjs';

const repository = path.resolve(import.meta.dirname, '..');
const joiner = path.join(import.meta.dirname, 'wgsl-join.mjs');

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
function integersOf(declarations) {
  const constants = {};
  for (const node of declarations) {
    if (node.astNodeType !== 'const') continue;
    const value = Number(node.value?.value?.data?.[0]);
    if (Number.isInteger(value)) constants[node.name] = value;
  }
  return constants;
}

/** What was read off a text: a process may build several bundles with the same shaders. */
const known = new Map();

/** What wgsl_reflect reads off a shader. @throws Error that names the line of the file or part */
function factsOf(name, code, origins) {
  const before = known.get(code);
  if (before) return before;
  const reflected = new WgslReflect();
  let constants;
  try {
    const declarations = new WgslParser().parse(reflectable(code));
    constants = integersOf(declarations);
    reflected.updateAST(declarations);
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
  const facts = {
    bindings,
    uniform: uniform && {
      binding: uniform.binding,
      size: Math.ceil(uniform.type.size / 16) * 16,
      members: uniform.type.members.map((m) => ({ name: m.name, offset: m.offset, type: m.type.name })),
    },
    overrides: reflected.overrides.map((o) => o.name),
    constants,
  };
  known.set(code, facts);
  return facts;
}

/** The Shader of a file, and all files that it is made from. */
export async function loadShaderFiles(file, root = repository) {
  const { code, origins, files } = await resolveIncludes(file, root);
  const name = path.relative(root, file).split(path.sep).join('/');
  return { shader: { path: name, code, origins, ...factsOf(name, code, origins) }, files };
}

export const loadShader = async (file, root) => (await loadShaderFiles(file, root)).shader;

/**
 * A shader's text without comments and with no more white space than its words need, for minified builds. WGSL has no
 * strings: nothing but a comment looks like one. Block comments may be nested, and are left alone.
 */
export const slimShader = (code) =>
  code.includes('/*')
    ? code
    : code
        .split('\n')
        .map((line) => line.replace(/\/\/.*$/, '').trim())
        .filter(Boolean)
        .join('\n')
        .replace(/\s*(&&|\|\||[-+*/]=)\s*/g, '$1')
        // Never between signs that could become another one: `a - -b` keeps its spaces.
        .replace(/\s*([{}()[\],;:=<>!?|^%@])\s*/g, '$1')
        .replace(/(?<=[\w)\]]) ?([-+*/&]) ?(?=[\w(])/g, '$1');

const moduleText = (shader) => `export default ${JSON.stringify(shader)};`;

/** Name of the stretch of lines of a file that begins with its line `from`, in the file's module of parts. */
const partName = (from) => `from${from}`;

/** Relative, as source maps have what is generated here, and are shipped. */
function importPath(file, importer) {
  const relative = path.relative(path.dirname(importer), file).split(path.sep).join('/');
  return relative.startsWith('.') ? relative : `./${relative}`;
}

/** The line of `importer` that imports `names` ("{ a, b } from ", or nothing) of a WGSL file's module of parts. */
export const partImport = (names, file, importer) => `import ${names}'${importPath(file, importer)}?part';`;

/**
 * Minified builds: a module that joins a shader from its files' stretches of lines. Each stretch is a string of its
 * file's own module (below), so that what many shaders include stands in the bundle once.
 * @param {import('../src/gpu/shader.ts').Shader} shader
 */
function joinedModule({ path: name, code, origins, ...facts }, root) {
  const lines = code.split('\n');
  const kept = origins.filter(({ line }, i) =>
    slimShader(lines.slice(line - 1, (origins[i + 1]?.line ?? lines.length + 1) - 1).join('\n')),
  );
  const from = path.join(root, name);
  const imports = kept.map((origin, i) =>
    partImport(`{ ${partName(origin.from)} as s${i} } from `, path.join(root, origin.path), from),
  );
  const values = packFacts(facts).map((value) => JSON.stringify(value) ?? 'undefined');
  // A call that esbuild leaves out where nobody uses the shader.
  return `import { shaderOf } from '${importPath(joiner, from)}';
${imports.join('\n')}
export default /* @__PURE__ */ shaderOf(${JSON.stringify(name)}, [${kept.map((_, i) => `s${i}`)}], ${values});`;
}

/** A file's own stretches of lines, slimmed, each a constant: exactly those that `origins` tell of. */
async function partModule(file) {
  return (await stretchesOf(file))
    .map(({ from, code }) => `export const ${partName(from)} = ${JSON.stringify(slimShader(code))};`)
    .join('\n');
}

export const esbuildWgsl = {
  name: 'wgsl',
  setup(build) {
    build.onResolve({ filter: /\.wgsl\?part$/ }, ({ path: file, resolveDir }) => ({
      path: path.resolve(resolveDir, file.replace(/\?part$/, '')),
      suffix: '?part',
    }));
    build.onLoad({ filter: /\.wgsl$/ }, async ({ path: file, suffix }) => {
      if (suffix === '?part') return { contents: await partModule(file), loader: 'js', watchFiles: [file] };
      const { shader, files } = await loadShaderFiles(file);
      const contents = build.initialOptions.minify ? joinedModule(shader, repository) : moduleText(shader);
      return { contents, loader: 'js', watchFiles: files };
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
