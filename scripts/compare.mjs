// node scripts/compare.mjs BEFORE [AFTER]: what users see of two checkouts of this repository, both built
// (`node scripts/build.mjs && node scripts/build-lib.mjs`): help texts, exit codes and outputs of the command line (numbers
// that are times left out), and the library's types. Prints the differences; exit code 1 if there are any.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [before, after = '.'] = process.argv.slice(2).map((name) => path.resolve(name));
if (before === undefined) throw new Error('usage: node scripts/compare.mjs BEFORE [AFTER]');

/** Runs a checkout's command line in a folder. */
function run(checkout, folder, argv) {
  const clip = path.join(checkout, 'weights/small-clip.safetensors');
  const prompts = path.join(checkout, 'weights/small-prompts.safetensors');
  const words = argv.map((word) => word.replace('{clip}', clip).replace('{prompts}', prompts));
  const bin = path.join(checkout, 'bin/faprompt.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...words], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, COLUMNS: '120' },
  });
  return { status, stdout, stderr };
}

/** Help texts of the program and all its commands, by the words that ask for them. */
function helps(checkout, folder, words = []) {
  const text = run(checkout, folder, [...words, '--help']).stdout;
  const [, list = ''] = /\nCommands:\n([\s\S]*?)(?:\n\n|$)/.exec(text) ?? [];
  const names = [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name);
  const below = names
    .filter((name) => name !== 'help')
    .flatMap((name) => [...helps(checkout, folder, [...words, name])]);
  return new Map([[`faprompt ${words.join(' ')}`.trim(), text], ...below]);
}

/** What is run, in this order, in one folder: results of one are used by the next. */
const commands = [
  'synth data --seed 5 --image-size 64 --classes weave --good 4 --defective 4',
  'data check data --json',
  'train --data data --clip {clip} --out run --epochs 1 --batch 4 --seed 3 --no-cache --json',
  'train --data data --clip {clip} --out run --epochs 1 --batch 4 --seed 3 --no-cache',
  'train --data data --clip {clip} --out run --epochs 1 --batch 8 --seed 3 --no-cache --resume',
  'train --clip-config small --dry-run --json',
  'eval --data data --clip {clip} --prompts run/prompts.safetensors --json eval.json',
  'detect data/weave/test/good/000.png --clip {clip} --prompts run/prompts.safetensors --json detect.json',
  'detect data/weave/test/good/000.png --clip {clip} --prompts run/prompts.safetensors --json-lines',
  'detect nowhere.png --clip {clip} --prompts run/prompts.safetensors --json-lines',
  'detect data --clip {clip} --prompts {prompts} --json-lines',
  'detect data/weave/test/good/000.png --clip data/meta.json --prompts run/prompts.safetensors',
  'calibrate --data data --clip {clip} --prompts run/prompts.safetensors --json calibrated.json --out calibrated.safetensors',
  'classify data/weave/test/good/000.png --clip {clip} --text weave wood --json',
  'weights inspect {clip} --json',
  'weights list',
  'train --data data --clip {clip} --out other --lr nothing',
  'train --data data --clip {clip}',
  'nonsense',
].map((line) => line.split(' '));
const written = ['eval.json', 'detect.json', 'calibrated.json', 'run/log.jsonl'];

/** Leaves out what differs from run to run and from place to place. */
const settled = (text, checkout, folder) =>
  text
    .replaceAll(folder, '{folder}')
    .replaceAll(checkout, '{checkout}')
    .replace(/("(?:ms|seconds|peak|times?|start|decode|encode|score_ms|perSecond)":\s*)[-\d.e]+/g, '$1#')
    .replace(/[\d.]+ (ms|s|GFLOP\/s|MiB at most)\b/g, '# $1')
    .replace(/\d+\.\d{6,}(e-?\d+)?/g, (digits) => Number(digits).toPrecision(4));

function observe(checkout) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'faprompt-compare-'));
  const seen = helps(checkout, folder);
  for (const argv of commands) {
    const { status, stdout, stderr } = run(checkout, folder, argv);
    const name = `faprompt ${argv.join(' ')}`;
    seen.set(`${name}: exit code`, String(status));
    seen.set(`${name}: standard output`, settled(stdout, checkout, folder));
    seen.set(`${name}: standard error`, settled(stderr, checkout, folder));
  }
  for (const file of written) {
    let text = 'no such file';
    try {
      text = readFileSync(path.join(folder, file), 'utf8');
    } catch {}
    seen.set(file, settled(text, checkout, folder));
  }
  rmSync(folder, { recursive: true });
  const types = ['dist/types/detector', 'dist/lib/types/detector']
    .map((place) => path.join(checkout, place))
    .find((place) => existsSync(place));
  if (types === undefined) throw new Error(`${checkout}: no types (node scripts/build-lib.mjs)`);
  for (const file of readdirSync(types).filter((name) => /^(index|api|errors)\b.*\.d\.ts$/.test(name)))
    seen.set(`types: ${file}`, readFileSync(path.join(types, file), 'utf8'));
  return seen;
}

/** The lines that differ, as diff prints them. */
function difference(old, now) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'faprompt-compare-'));
  const [a, b] = [path.join(folder, 'before'), path.join(folder, 'after')];
  writeFileSync(a, `${old}\n`);
  writeFileSync(b, `${now}\n`);
  const { stdout } = spawnSync('diff', [a, b], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return stdout;
}

const [old, now] = [observe(before), observe(after)];
let differences = 0;
for (const name of new Set([...old.keys(), ...now.keys()])) {
  if (old.get(name) === now.get(name)) continue;
  differences += 1;
  console.log(`== ${name}`);
  if (!old.has(name)) console.log('new');
  else if (!now.has(name)) console.log('gone');
  else console.log(difference(old.get(name), now.get(name)));
}
console.log(`${new Set([...old.keys(), ...now.keys()]).size} compared, ${differences} differ`);
if (differences > 0) process.exitCode = 1;
