// `#include "part.wgsl"` in shaders: a line of its own that stands for the other file's text. Paths are relative to the
// file with the line. A part is put in once, at its first mention (as WGSL does not care for the order of declarations,
// a shader may mention parts that mention each other's parts); parts that include themselves are refused.
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const linesOf = (text) => text.replace(/\r?\n$/, '').split(/\r?\n/);
const directive = /^\s*#include\b\s*(.*)$/;

/**
 * A shader's text with its parts in it.
 * @param {string} file absolute path
 * @param {string} root the folder that the paths in `origins` and errors start from
 * @returns {Promise<{ code: string, origins: import('../src/gpu/shader.ts').Origin[], files: string[] }>} `origins` says
 *   where each stretch of lines comes from, `files` which files were read
 */
export async function resolveIncludes(file, root) {
  const nameOf = (full) => path.relative(root, full).split(path.sep).join('/');
  const lines = [];
  const origins = [];
  const files = new Set();

  async function append(full, text, stack) {
    const name = nameOf(full);
    files.add(full);
    let begun = false; // whether the last stretch of `origins` goes on with this file's next line
    for (const [i, line] of linesOf(text).entries()) {
      const match = directive.exec(line);
      if (!match) {
        if (!begun) origins.push({ line: lines.length + 1, path: name, from: i + 1 });
        begun = true;
        lines.push(line);
        continue;
      }
      begun = false;
      const here = `${name}:${i + 1}`;
      const part = /^"([^"]+\.wgsl)"\s*(\/\/.*)?$/.exec(match[1])?.[1];
      if (!part) throw new Error(`${here}: expected #include "part.wgsl", found ${line.trim()}`);
      const next = path.resolve(path.dirname(full), part);
      const chain = [...stack, full];
      if (chain.includes(next))
        throw new Error(
          `${here}: #include "${part}" closes a circle: ${[...chain.slice(chain.indexOf(next)), next].map(nameOf).join(' -> ')}`,
        );
      if (files.has(next)) continue;
      const content = await readFile(next, 'utf8').catch((error) => {
        throw new Error(`${here}: #include "${part}": cannot read ${nameOf(next)} (${error.code})`);
      });
      await append(next, content, chain);
    }
  }

  await append(file, await readFile(file, 'utf8'), []);
  return { code: `${lines.join('\n')}\n`, origins, files: [...files] };
}

/**
 * The stretches of lines of one file between its `#include` lines, as `origins` count them: `from` is the first line.
 * @returns {Promise<{ from: number, code: string }[]>}
 */
export async function stretchesOf(file) {
  const stretches = [];
  let begun = false;
  for (const [i, line] of linesOf(await readFile(file, 'utf8')).entries()) {
    const isInclude = directive.test(line);
    if (!isInclude && begun) stretches.at(-1).code += `\n${line}`;
    else if (!isInclude) stretches.push({ from: i + 1, code: line });
    begun = !isInclude;
  }
  return stretches;
}

/** Where a line of the resolved text comes from: `path:line`. The same as `locate` of src/gpu/shader.ts, for the build. */
export function originOf(origins, line) {
  const origin = origins.findLast((o) => o.line <= line) ?? origins[0];
  return `${origin.path}:${origin.from + line - origin.line}`;
}
