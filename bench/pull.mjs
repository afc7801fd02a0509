// node bench/pull.mjs [--bytes N]: pulls a file of the size of ViT-L/14@336px (random bytes, their own hash) from a hub
// on localhost, through the command: whole, cut in the middle and taken up again by a new process, and with a dead first
// address. Prints seconds and the command's peak memory.
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs, promisify } from 'node:util';

const { values } = parseArgs({ options: { bytes: { type: 'string', default: '1711974081' } } });
const bytes = Number(values.bytes);
const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-bench-pull-'));
const bin = path.resolve(import.meta.dirname, '../bin/faprompt.mjs');
const commit = '0123456789012345678901234567890123456789';

async function randomFile(file) {
  const hash = createHash('sha256');
  async function* blocks() {
    for (let left = bytes; left > 0; ) {
      const block = randomBytes(Math.min(left, 2 ** 22));
      hash.update(block);
      left -= block.length;
      yield block;
    }
  }
  await pipeline(blocks(), createWriteStream(file));
  return hash.digest('hex');
}

/** The hub announces and redirects; the storage sends, and cuts where it is told to. */
async function startHub(file, sha256) {
  const requests = [];
  let cutAfter;
  const storage = createServer(async (request, response) => {
    requests.push(request.headers.range ?? 'whole');
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': bytes - start,
      ...(start > 0 ? { 'content-range': `bytes ${start}-${bytes - 1}/${bytes}` } : {}),
    });
    const end = cutAfter === undefined ? bytes - 1 : Math.min(bytes, start + cutAfter) - 1;
    const cut = cutAfter !== undefined;
    await pipeline(createReadStream(file, { start, end }), response, { end: !cut }).catch(() => {});
    if (cut) response.destroy();
  });
  await new Promise((resolve) => storage.listen(0, '127.0.0.1', resolve));
  const hub = createServer((_, response) =>
    response
      .writeHead(302, {
        location: `http://localhost:${storage.address().port}/${randomUUID()}`,
        'x-linked-etag': `"${sha256}"`,
        'x-linked-size': bytes,
        'x-repo-commit': commit,
      })
      .end(),
  );
  await new Promise((resolve) => hub.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${hub.address().port}`,
    requests,
    cut(after) {
      cutAfter = after;
    },
    close() {
      for (const server of [hub, storage]) server.closeAllConnections() ?? server.close();
    },
  };
}

/** Runs the command in a home of its own. @returns seconds, and the peak of its resident memory */
async function pull(home, hub, manifest, killAt) {
  const began = performance.now();
  const env = {
    ...process.env,
    HOME: home,
    HF_HOME: '',
    HF_HUB_CACHE: '',
    XDG_CACHE_HOME: '',
    HF_ENDPOINT: hub.url,
  };
  // bin/faprompt.mjs starts the command line in a process of its own.
  const cli = path.resolve(bin, '../../dist/node/cli.js');
  const child = spawn(process.execPath, [cli, 'weights', 'pull', 'bench', '--manifest', manifest], { env });
  let peak = 0;
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  const watch = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    const part = path.join(home, '.cache/huggingface/hub/models--org--model/blobs');
    const { stdout } = await promisify(execFile)('du', ['-sb', part]).catch(() => ({ stdout: '0' }));
    if (killAt !== undefined && Number.parseInt(stdout, 10) > killAt) child.kill('SIGKILL');
  }, 50);
  const code = await new Promise((resolve) => child.on('exit', (exit, signal) => resolve(signal ?? exit)));
  clearInterval(watch);
  return { seconds: (performance.now() - began) / 1000, peak: peak / 1024, code, said: said.trim() };
}

try {
  const file = path.join(folder, 'weights');
  const sha256 = await randomFile(file);
  const hub = await startHub(file, sha256);
  const manifestOf = async (name, model) => {
    const target = path.join(folder, `${name}.json`);
    await writeFile(target, JSON.stringify({ models: [{ name: 'bench', licence: '-', ...model }] }));
    return target;
  };
  const files = [{ path: 'pytorch_model.bin', sha256, bytes }];
  const plain = await manifestOf('plain', { repo: 'org/model', revision: commit, files });
  const dead = await manifestOf('dead', {
    ...{
      repo: 'org/gone',
      revision: 'published',
      files: [{ ...files[0], url: 'http://127.0.0.1:1/weights.pt' }],
    },
    fallbacks: [{ repo: 'org/model', revision: commit, files }],
  });
  const row = (name, { seconds, peak, code }) =>
    console.log(
      `${name.padEnd(44)} ${seconds.toFixed(1).padStart(6)} s  ${peak.toFixed(0).padStart(5)} MiB  exit ${code}`,
    );
  console.log(`${bytes} bytes`);
  const home = (name) => path.join(folder, name);
  row('whole', await pull(home('a'), hub, plain));
  row('killed after half', await pull(home('b'), hub, plain, bytes / 2));
  hub.requests.length = 0;
  hub.cut(Math.round(bytes / 4));
  row('taken up again, the connection cut by quarters', await pull(home('b'), hub, plain));
  console.log(`  asked for: ${hub.requests.join(', ')}`);
  hub.cut(undefined);
  const other = await pull(home('c'), hub, dead);
  row('dead first address', other);
  console.log(other.said.replace(/^/gm, '  '));
  const { size } = await stat(
    path.join(home('c'), `.cache/huggingface/hub/models--org--model/snapshots/${commit}/pytorch_model.bin`),
  );
  if (size !== bytes) throw new Error(`expected ${bytes} bytes, found ${size}`);
  hub.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}
