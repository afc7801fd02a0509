import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moduleCacheKey } from '../scripts/vitest-cache.ts';
import { esbuildWgsl, loadShader, slimShader } from '../scripts/wgsl-plugin.mjs';
import { constantOf, locate, type Shader } from '../src/gpu/shader.ts';
import { testGpu } from './gpu.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'faprompt-wgsl-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Writes files, and loads the one named `main.wgsl`. */
async function load(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), text);
  }
  return loadShader(path.join(root, 'main.wgsl'), root);
}

const entry = `@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1)
fn main() {
  out[0] = one() + two();
}
`;
const one = 'fn one() -> f32 {\n  return 1.0;\n}\n';
const two = '#include "one.wgsl"\nfn two() -> f32 {\n  return one() + 1.0;\n}\n';

describe('#include', () => {
  test('puts each part in once, relative to the file that names it, and knows where lines come from', async () => {
    const shader = await load({
      'main.wgsl': `// a header\n#include "parts/one.wgsl"\n\n#include "parts/two.wgsl" // needs one\n${entry}`,
      'parts/one.wgsl': one,
      'parts/two.wgsl': two,
    });
    expect(shader.code).toBe(`// a header\n${one}\n${two.replace(/^.*\n/, '')}${entry}`);
    const lines = shader.code.split('\n');
    const at = (text: string) => locate(shader, lines.indexOf(text) + 1);
    expect(at('// a header')).toBe('main.wgsl:1');
    expect(at('  return 1.0;')).toBe('parts/one.wgsl:2');
    expect(at('  return one() + 1.0;')).toBe('parts/two.wgsl:3');
    expect(at('  out[0] = one() + two();')).toBe('main.wgsl:8');
    expect(shader.bindings).toEqual([{ name: 'out', binding: 0, access: 'read_write' }]);
  });

  test('a change of a part of a part is one of the shader to vitest, which keeps what it transformed', async () => {
    const files = {
      'main.wgsl': `#include "parts/two.wgsl"\n${entry}`,
      'parts/one.wgsl': one,
      'parts/two.wgsl': two,
    };
    await load(files);
    const key = () => moduleCacheKey()(path.join(root, 'main.wgsl'));
    const before = key();
    expect(key()).toBe(before);
    await load({ ...files, 'parts/one.wgsl': one.replace('1.0', '3.0') });
    expect(key()).not.toBe(before);
    await load(files);
    expect(key()).toBe(before);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    [
      'a part that includes itself',
      { 'main.wgsl': '\n#include "own.wgsl"\n', 'own.wgsl': '#include "own.wgsl"\n' },
      /^own\.wgsl:1: #include "own\.wgsl" closes a circle: own\.wgsl -> own\.wgsl$/,
    ],
    [
      'parts that include each other',
      {
        'main.wgsl': '#include "a.wgsl"\n',
        'a.wgsl': '\n\n#include "b/b.wgsl"\n',
        'b/b.wgsl': '#include "../a.wgsl"\n',
      },
      /^b\/b\.wgsl:1: #include "\.\.\/a\.wgsl" closes a circle: a\.wgsl -> b\/b\.wgsl -> a\.wgsl$/,
    ],
    [
      'a part that includes the shader',
      { 'main.wgsl': '#include "c.wgsl"\n', 'c.wgsl': '#include "main.wgsl"\n' },
      /^c\.wgsl:1: .* closes a circle: main\.wgsl -> c\.wgsl -> main\.wgsl$/,
    ],
    [
      'a part that is not there',
      { 'main.wgsl': '\n\n#include "missing.wgsl"\n' },
      /^main\.wgsl:3: .*cannot read missing\.wgsl \(ENOENT\)$/,
    ],
    [
      'another form',
      { 'main.wgsl': '#include <one.wgsl>\n' },
      /^main\.wgsl:1: expected #include "part\.wgsl", found #include <one\.wgsl>$/,
    ],
    [
      'something that is no shader',
      { 'main.wgsl': '#include "one.txt"\n' },
      /^main\.wgsl:1: expected #include "part\.wgsl"/,
    ],
    [
      'what the build cannot read in a part',
      { 'main.wgsl': `#include "bad.wgsl"\n${entry}`, 'bad.wgsl': '\nstruct Params {\n  count u32,\n}\n' },
      /^bad\.wgsl:3: wgsl_reflect cannot read it/,
    ],
    [
      'what it cannot read after a part',
      { 'main.wgsl': '#include "one.wgsl"\n\nstruct Params {\n  count u32,\n}\n', 'one.wgsl': one },
      /^main\.wgsl:4: wgsl_reflect cannot read it/,
    ],
  ])('%s is refused, with file and line', async (_, files, message) => {
    await expect(load(files)).rejects.toThrow(message);
  });

  test('what a device does not compile is named by the part’s file and line', async () => {
    const gpu = await testGpu();
    const shader = await load({
      'main.wgsl': `#include "parts/one.wgsl"\n#include "parts/wrong.wgsl"\n${entry}`,
      'parts/one.wgsl': one,
      'parts/wrong.wgsl': '// a comment\nfn two() -> f32 {\n  return nothing();\n}\n',
    });
    await expect(gpu.pipelines.get(shader, {})).rejects.toThrow(/^parts\/wrong\.wgsl:3:\d+: .*nothing/);
  });
});

test('integer constants of a shader are its enumerations, for the host to name', async () => {
  const shader = await load({
    'main.wgsl': `#include "kinds.wgsl"\n${one}fn two() -> f32 { return f32(KIND); }\n${entry}`,
    'kinds.wgsl':
      'const MULTIPLY = 2u;\nconst ADD: u32 = 0u;\nconst HALF = 0.5;\noverride KIND: u32 = ADD;\n',
  });
  expect(shader.constants).toEqual({ MULTIPLY: 2, ADD: 0 });
  expect(constantOf(shader, 'MULTIPLY')).toBe(2);
  expect(() => constantOf(shader, 'DIVIDE')).toThrow('main.wgsl: no constant named "DIVIDE" (MULTIPLY, ADD)');
});

describe('every shader of the repository', async () => {
  const kernels = path.resolve(import.meta.dirname, '../src/kernels');
  const files = (await readdir(kernels, { recursive: true })).filter((f) => f.endsWith('.wgsl'));

  test.each(files)('%s: one style of comments, a header, no long lines', async (file) => {
    const text = await readFile(path.join(kernels, file), 'utf8');
    expect(text.match(/^\/\/ \S/), 'begins with what it is for').toBeTruthy();
    expect(text.match(/\/\*|\/\/\/|\*\//), 'comments begin with //').toBeNull();
    expect(
      text.match(/.*\t.*|.* $|.{126,}/m),
      'no tabs, no spaces at the end, at most 125 columns',
    ).toBeNull();
    // What shaders include says what it wants of them; all others say how they are dispatched, or include what does.
    if (!/^\/\/ Includer {2}/m.test(text))
      expect(text).toMatch(/^\/\/ Dispatch {2}|^#include "\.\.\/pointwise\/pointwise\.wgsl"/m);
  });
});

describe('minified builds carry shaders with no more white space than they need', () => {
  /** Words, numbers, and signs, the longest first: `a - -b` must not become `a--b`. */
  const tokens = (code: string) =>
    code
      .replace(/\/\/.*$/gm, '')
      .match(/[A-Za-z_]\w*|\.?\d[\w.]*|--|\+\+|&&|\|\||->|[<>]{2}=?|[-=!<>+*/%&|^]=|\S/g);

  test('without comments', () => {
    const code = '// about\n\nfn main() { // here\n  let a = 6 / 2 - -1; // three\n}\n';
    expect(slimShader(code)).toBe('fn main(){let a=6/2 - -1;}');
    expect(slimShader('sum += (a) * b && -c;')).toBe('sum+=(a)*b&&-c;');
    expect(slimShader('/* a // b */ fn f() {}')).toBe('/* a // b */ fn f() {}');
  });

  test('the same words and signs', async () => {
    const kernels = path.resolve(import.meta.dirname, '../src/kernels');
    const files = (await readdir(kernels, { recursive: true })).filter((f) => f.endsWith('.wgsl'));
    for (const file of files) {
      const code = await readFile(path.join(kernels, file), 'utf8');
      expect(tokens(slimShader(code)), file).toEqual(tokens(code));
    }
  });

  test('joined from parts that stand in the bundle once, with the same bindings, uniforms and constants', async () => {
    const kernels = path.resolve(import.meta.dirname, '../src/kernels');
    const files = (await readdir(kernels, { recursive: true })).filter((f) => f.endsWith('.wgsl'));
    const full: Shader[] = [];
    for (const file of files) {
      const text = await readFile(path.join(kernels, file), 'utf8');
      // Parts alone are no shaders.
      if (!/^\/\/ Includer {2}/m.test(text)) full.push(await loadShader(path.join(kernels, file)));
    }
    expect(full.length).toBeGreaterThan(50);
    const repository = path.resolve(import.meta.dirname, '..');
    const { outputFiles } = await build({
      stdin: {
        contents: `${full.map(({ path: name }, i) => `import s${i} from './${name}';`).join('\n')}
          export default [${full.map((_, i) => `s${i}`)}];`,
        resolveDir: repository,
      },
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      plugins: [esbuildWgsl],
    });
    const { text } = outputFiles[0]!;
    const bundled = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as {
      default: Shader[];
    };
    for (const [i, { code, ...facts }] of full.entries()) {
      const { code: joined, ...rest } = bundled.default[i]!;
      expect(rest).toEqual({ ...facts, origins: [] });
      expect(tokens(joined), facts.path).toEqual(tokens(code));
    }
    const remaining = slimShader(await readFile(path.join(kernels, 'parts/remaining.wgsl'), 'utf8'));
    expect(remaining.length).toBeGreaterThan(20);
    expect(text.split(JSON.stringify(remaining).slice(1, -1)).length - 1, 'times in the bundle').toBe(1);
  });
});
