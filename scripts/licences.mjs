// npm run check: what ships (packages that are bundled, the optional peers, and all that they need) has a licence of this
// list, and every package of every lock file is pinned by its hash. Reads the lock files and the sources, nothing else.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const root = path.resolve(import.meta.dirname, '..');

/** Licences that ask for no more than their text; the notices are written into the package (notices.mjs). */
const permissive = [
  'MIT',
  'MIT-0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  '0BSD',
  'CC0-1.0',
  'OFL-1.1',
  'Unlicense',
];

/** libvips is LGPL: it comes as a library of its own, which sharp loads, and is not part of what is bundled. */
const exceptions = new Map([[/^@img\/sharp-(libvips-|win32-|wasm32)/, ['LGPL-3.0-or-later', 'Apache-2.0']]]);

/** Whether a licence expression (SPDX) can be met by licences of the list. */
export function isAllowed(name, licence) {
  const allowed = [...exceptions].find(([pattern]) => pattern.test(name))?.[1] ?? [];
  const fits = (one) => permissive.includes(one) || allowed.includes(one);
  return String(licence)
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((side) => side.split(' AND ').every((one) => fits(one.trim())));
}

/** Problems of a parsed lock file: packages without a hash, or from elsewhere than the registry. */
export function lockProblems(lock) {
  const problems = [];
  if (lock.lockfileVersion !== 3) problems.push(`expected lockfileVersion 3, found ${lock.lockfileVersion}`);
  for (const [place, { link, integrity, resolved, inBundle }] of Object.entries(lock.packages ?? {})) {
    if (place === '' || link || inBundle) continue;
    if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''))
      problems.push(`${place}: expected a sha512, found ${integrity ?? 'none'}`);
    if (resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/'))
      problems.push(`${place}: expected the npm registry, found ${resolved}`);
  }
  return problems;
}

/** Places in the lock of packages and of all that they need, optional ones included. */
export function closure(lock, names) {
  const found = new Set();
  const visit = (name, from) => {
    for (let folder = from; ; ) {
      const place = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
      const entry = lock.packages[place];
      if (entry) {
        if (found.has(place)) return;
        found.add(place);
        for (const needed of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }))
          visit(needed, place);
        return;
      }
      if (folder === '') return;
      folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')));
    }
  };
  for (const name of names) visit(name, '');
  return [...found].sort();
}

/** Packages that the sources import, types left out. */
async function imported(folder) {
  const names = new Set();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(ts|css)$/.test(entry.name)) continue;
    const text = await readFile(path.join(entry.parentPath ?? entry.path, entry.name), 'utf8');
    const places = text.matchAll(
      /(?:^|[\n;}])\s*(?:import|export)\s+(?!type\b)[^'"]*?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\)|@import\s+['"]([^'"]+)['"]|url\(['"]?~?([^'")]+)['"]?\)/g,
    );
    for (const [, a, b, c, d] of places) {
      const name = /^(@[^/]+\/[^/]+|[a-z][^/:]*)/.exec(a ?? b ?? c ?? d ?? '')?.[1];
      if (name) names.add(name);
    }
  }
  return names;
}

const read = async (file) => JSON.parse(await readFile(path.join(root, file), 'utf8'));

async function main() {
  const problems = [];
  for (const file of ['package-lock.json', 'docs/api/package-lock.json', 'bench/peers/package-lock.json'])
    problems.push(...lockProblems(await read(file)).map((problem) => `${file}: ${problem}`));
  const lock = await read('package-lock.json');
  const { dependencies = {}, peerDependencies = {} } = await read('package.json');
  const names = [
    ...Object.keys({ ...dependencies, ...peerDependencies }),
    ...(await imported(path.join(root, 'src'))),
    ...(await imported(path.join(root, 'web'))),
  ];
  const places = closure(lock, names);
  for (const place of places) {
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const { license, version } = lock.packages[place];
    if (!isAllowed(name, license)) problems.push(`${name} ${version}: licence ${license} is not on the list`);
  }
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else if (process.argv.includes('--list'))
    for (const place of places)
      console.log(`${place.replace(/^node_modules\//, '')}: ${lock.packages[place].license}`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
