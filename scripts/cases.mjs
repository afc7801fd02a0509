// `npm run cases`: every command of every README in ../shared/cases (or the folder named by FAPROMPT_CASES), as a user
// types it, on copies of the folders; prints a table of what happened when it was filed and what happens now, and
// exits with 1 where that is not what is wanted.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const cases = path.resolve(process.env.FAPROMPT_CASES ?? '../shared/cases');
const program = path.resolve('bin/faprompt.mjs');
const model = '--clip weights/small-clip.safetensors --prompts weights/small-prompts.safetensors';

/** What each command of a case, in its README's order, must do: exit code, and what it must print. */
const wanted = {
  'backslash-paths': [
    [0, /3 normal, 3 anomalous, 3 masks/],
    [0, /3 normal, 2 anomalous, 2 masks/],
  ],
  'checkpoint-with-other-objects': [
    [1, /49408 rows .* found 538 rows/],
    [1, /49408 rows .* found 538 rows/],
  ],
  'detect-output-in-input': [
    [1, /expected another folder than the images' own/],
    [0, /^(?!.*heatmap\.png {2})/s],
  ],
  'empty-data-set-is-fine': [[1, /no images: 1/]],
  'hidden-files-in-detect': [
    [0, /plain\.png/],
    [0, /threshold/],
  ],
  'layout-messages': [[0, /found 10 files .*e\.g\. leather\/test[\s\S]*nearest layout: MVTec AD/]],
  'long-file-name': [[0, /aaa\.png[\s\S]*bbb[\s\S]*zzz\.jpg/]],
  'masks-elsewhere-silent': [
    [0, /2 anomalous, 2 masks/],
    [0, /^leather +5 +2( +[01]\.\d+){4}/m],
    [1, /3 anomalous, 3 masks/],
  ],
  'meta-published-scripts': [
    [0, /3 normal, 3 anomalous, 3 masks/],
    [0, /3 normal, 3 anomalous, 3 masks/],
  ],
  'nan-score-passes': [
    [1, /./],
    [1, /./],
    [1, /./],
    [1, /./],
    [1, /./],
  ],
  'normal-folder-is-anomalous': [
    [1, /3 normal, 3 anomalous/],
    [0, /^leather +6 +3( +[01]\.\d+){2} +- +-/m],
    [0, /3 normal, 2 anomalous, 2 masks/],
  ],
  'not-safetensors-message': [
    [1, /Git LFS pointer/],
    [1, /an HTML page/],
    [1, /expected a safetensors file, found the text/],
    [1, /expected a safetensors file, found a PNG image/],
  ],
  'other-formats-silently-left-out': [
    [0, /left out: 2 files \(1 \.heic, 1 \.jp2\)/],
    [1, /3 normal, 3 anomalous, 3 masks/],
  ],
  'results-lost-at-the-end': [
    [1, /--out: expected a folder .* the file/],
    [130, /interrupted: \d+ of \d+ images are done/],
    [1, /--prompts: expected a folder that can be written to/],
  ],
  'threshold-nobody-reaches': [[1, /--threshold.*\[0, 1\]/]],
  'train-without-anomalies': [[1, /expected anomalous images with masks to train on, found 3 normal/]],
  'watch-own-output': [[1, /expected another folder than the watched one/]],
  'weights-prefix': [
    [0, /parameters +1715073/],
    [1, /49408 rows .* found 538 rows/],
  ],
};

const scratch = mkdtempSync(path.join(os.tmpdir(), 'faprompt-cases-'));
let failures = 0;
try {
  if (!existsSync(cases)) {
    console.error(`${cases} not found (set FAPROMPT_CASES)`);
    process.exit(1);
  }
  const rows = [];
  for (const name of readdirSync(cases).sort()) {
    const dir = path.join(scratch, name);
    cpSync(path.join(cases, name), dir, { recursive: true });
    prepare(name, dir);
    const readme = readFileSync(path.join(dir, 'README.md'), 'utf8');
    const old = section(readme, 'Got').replace(/\s+/g, ' ');
    for (const [i, command] of commandsOf(name, readme).entries()) {
      const { code, text } = await run(command.replaceAll('CASE', dir).replaceAll('OUT/', `${dir}-out/`));
      const [expectedCode, expected] = wanted[name]?.[i] ?? [0, /$^/];
      const right = code === expectedCode && expected.test(text);
      if (!right) failures++;
      rows.push({ name, command, old: i === 0 ? old : '"', code, text, right });
    }
  }
  console.log('| case | command | when it was filed | now | |\n| --- | --- | --- | --- | --- |');
  for (const { name, command, old, code, text, right } of rows)
    console.log(
      `| ${name} | \`${brief(command.replaceAll(model, '...'), 110)}\` | ${brief(old, 150)} | exit ${code}: ${brief(said(text), 230)} | ${right ? 'ok' : 'WRONG'} |`,
    );
  console.log(
    `\n${rows.length} commands of ${new Set(rows.map(({ name }) => name)).size} cases, ${failures} wrong`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;

function section(readme, title) {
  return readme.split(`## ${title}\n`)[1]?.split('\n## ')[0].trim() ?? '';
}

/** The lines of the code block, with the few that are words for people made into what they mean. */
function commandsOf(name, readme) {
  const block = /```\n([\s\S]*?)```/.exec(section(readme, 'Command'))?.[1] ?? '';
  const images = 'IMAGES';
  switch (name) {
    case 'not-safetensors-message':
      return [
        ...block.trim().split('\n').slice(0, 2),
        'npx faprompt detect --clip weights/README.md --prompts weights/small-prompts.safetensors CASE/picture.png --out OUT/o',
        'npx faprompt detect --clip weights/small-clip.safetensors --prompts CASE/picture.png CASE/picture.png --out OUT/o',
      ];
    case 'watch-own-output':
      return [`mkdir CASE/W; npx faprompt detect --watch CASE/W --out CASE/W ${model}`];
    case 'detect-output-in-input': {
      const [first, second] = block.trim().split('\n');
      return [first.replace(/ +#.*/, ''), `${second.replace(/ +#.*/, '')} && ${second.replace(/ +#.*/, '')}`];
    }
    case 'results-lost-at-the-end': {
      const lines = block.trim().split('\n');
      // Ctrl-C once the first results are there; prompts in a folder that cannot be written to.
      lines[1] = `(${lines[1].replace(images, 'CASE/many').replace(/ +#.*/, '')}) & for i in $(seq 600); do sleep 0.1; ls OUT/o/*.map.png >/dev/null 2>&1 && break; done; kill -INT $(pgrep -P $! -f "faprompt.mjs detect" || echo $!); wait $!`;
      // Root may write everywhere: as somebody else.
      const nobody =
        'setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp XDG_CACHE_HOME=CASE/cache';
      const user = process.getuid?.() === 0 ? `${nobody} ` : '';
      lines[2] = lines[2]
        .replace(images, 'CASE/data/leather/test/good')
        .replace(/ +#.*/, '')
        .replace('weights/small-prompts.safetensors', 'CASE/read-only/small-prompts.safetensors')
        .replace('npx faprompt', `${user}node ${program}`);
      return lines;
    }
    case 'nan-score-passes': {
      const [set, ...lines] = block.trim().split('\n');
      return lines.map((line) => `${set}; ${line}`);
    }
    default:
      return block
        .trim()
        .split('\n')
        .map((line) => line.replace(/(^| +)#.*/, ''))
        .filter(Boolean);
  }
}

/** Things that a README asks its reader to do first. */
function prepare(name, dir) {
  if (name === 'meta-published-scripts') {
    const file = path.join(dir, 'absolute', 'meta.json');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('/HERE/', `${dir}/absolute/`));
  }
  if (name === 'not-safetensors-message')
    cpSync(path.join(cases, 'watch-own-output', 'plain.png'), path.join(dir, 'picture.png'));
  if (name !== 'results-lost-at-the-end') return;
  chmodSync(scratch, 0o755);
  const locked = path.join(dir, 'read-only');
  cpSync('weights/small-prompts.safetensors', path.join(locked, 'small-prompts.safetensors'));
  chmodSync(locked, 0o555);
  for (let i = 0; i < 60; i++)
    cpSync(path.join(dir, 'data/leather/test/good/000.png'), path.join(dir, 'many', `${i}.png`));
}

function run(command) {
  const shell = `npx() { shift; "${process.execPath}" "${program}" "$@"; }\n${command}`;
  return new Promise((resolve) => {
    const child = spawn('bash', ['-c', shell], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes) => {
        text += bytes;
      });
    child.on('close', (code) => resolve({ code, text }));
  });
}

/** What a command said, without progress. */
function said(text) {
  const lines = text
    .split('\n')
    .filter(
      (line) => line.trim() !== '' && !/^(note: weights|check |detecting|scoring|evaluating)/.test(line),
    );
  return lines.join(' / ').replaceAll(scratch, '');
}

function brief(text, length) {
  const line = text.replaceAll('|', '\\|').replace(/\s+/g, ' ');
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}
