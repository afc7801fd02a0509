// node scripts/circles.mjs [FOLDER...]: files that import each other in a circle, type-only imports included. Exit code 1
// if there is one. Imports are read by TypeScript's own syntax as far as it matters here: `from '...'` and `import('...')`.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const folders =
  process.argv.slice(2).length > 0
    ? process.argv.slice(2)
    : ['src', 'web', 'bench', 'testing', 'test', 'examples', 'scripts'];

/** Relative imports of every TypeScript file below the folders. */
export function importsOf(names) {
  const graph = new Map();
  for (const folder of names)
    for (const name of readdirSync(path.join(root, folder), { recursive: true }).filter((file) =>
      /(?<!\.d)\.ts$/.test(file),
    )) {
      if (name.includes('node_modules')) continue;
      const file = path.join(folder, name);
      const text = readFileSync(path.join(root, file), 'utf8');
      const found = [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'(\.[^']+\.ts)'/g)].map(([, to]) =>
        path.join(path.dirname(file), to),
      );
      graph.set(file, [...new Set(found)]);
    }
  return graph;
}

/** Groups of files of which each imports, by others of the group, every other (Tarjan's strongly connected components). */
export function circlesOf(graph) {
  const circles = [];
  const index = new Map();
  const low = new Map();
  const stack = [];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    for (const to of graph.get(file) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(file, Math.min(low.get(file), low.get(to)));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1 || (graph.get(file) ?? []).includes(file)) circles.push(group.sort());
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return circles;
}

if (process.argv[1] === import.meta.filename) {
  const graph = importsOf(folders);
  const circles = circlesOf(graph);
  for (const files of circles) console.error(`circle: ${files.join(', ')}`);
  console.log(`${graph.size} files, ${circles.length} import circles`);
  if (circles.length > 0) process.exitCode = 1;
}
