// Makes a project, installs the package as a user would, builds it, and runs a detection.
import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import sirv from 'sirv';

const execute = promisify(execFile);
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', CI: '1', npm_config_update_notifier: 'false' };

async function command([program, ...args], cwd) {
  try {
    const { stdout } = await execute(program, args, { cwd, env, maxBuffer: 1e8 });
    return stdout;
  } catch (error) {
    throw new Error(`${[program, ...args].join(' ')}: ${`${error.stdout}${error.stderr}`.slice(-2000)}`);
  }
}

const write = async (folder, files = {}) => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
};

/** Packages and bytes below node_modules. */
async function installed(folder) {
  const list = await command(['npm', 'ls', '--all', '--parseable'], folder).catch(() => '');
  let bytes = 0;
  for (const entry of await readdir(path.join(folder, 'node_modules'), {
    recursive: true,
    withFileTypes: true,
  }))
    if (entry.isFile()) bytes += (await stat(path.join(entry.parentPath ?? entry.path, entry.name))).size;
  return { packages: list.trim().split('\n').length - 1, bytes };
}

/** Bytes of the scripts in a bundle's folder: plain, gzipped. */
async function scripts(folder) {
  const sizes = { bytes: 0, gzip: 0 };
  for (const name of await readdir(folder, { recursive: true })) {
    if (!/\.m?js$/.test(name)) continue;
    const text = await readFile(path.join(folder, name));
    sizes.bytes += text.length;
    sizes.gzip += gzipSync(text).length;
  }
  return sizes;
}

const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** @returns address and how to end it */
async function serve(project, folder) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  if (!project.server) {
    const server = createServer(sirv(path.join(folder, project.serve), { dev: true }));
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    return { url, close: () => server.closeAllConnections() ?? server.close() };
  }
  const [program, ...args] = project.server.map((word) => word.replace('$PORT', port));
  const child = spawn(program, args, { cwd: folder, env, detached: true, stdio: 'ignore' });
  const close = () => {
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch {}
  };
  for (let i = 0; ; i++) {
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return { url, close };
    if (i === 120) {
      close();
      throw new Error(`${project.server.join(' ')}: does not answer`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Opens the page, gives it the image, and reads the score. */
async function inBrowser(browser, url, image) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const said = [];
  const loaded = new Map();
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.message));
  context.on('response', async (response) => {
    if (/javascript/.test(response.headers()['content-type'] ?? ''))
      loaded.set(response.url(), await response.body().catch(() => Buffer.alloc(0)));
  });
  try {
    await page.goto(url);
    await page.waitForFunction(() => typeof document.querySelector('input')?.onchange === 'function', null, {
      timeout: 90_000,
    });
    await page.locator('input').setInputFiles(image);
    await page.waitForFunction(() => document.querySelector('output')?.value !== '', null, {
      timeout: 90_000,
    });
    const score = await page.evaluate(() => document.querySelector('output').value);
    const gzip = [...loaded.values()].reduce((sum, body) => sum + gzipSync(body).length, 0);
    return { score, loaded: gzip };
  } catch (error) {
    throw new Error(`${error.message.split('\n')[0]}; the page said: ${said.join(' | ').slice(0, 1500)}`);
  } finally {
    await context.close();
  }
}

/**
 * @param {{ tarball: string, image: string, examples: { browser: string, node: string }, browser: object }} given
 * @returns score, seconds of each step, sizes
 */
export async function runProject(project, folder, given) {
  const began = performance.now();
  await mkdir(folder, { recursive: true });
  await write(folder, {
    'package.json': JSON.stringify({ name: 'project', private: true, type: project.type ?? 'module' }),
    ...project.files(given.examples),
    ...project.config,
  });
  await copyFile(given.image, path.join(folder, 'photo.png'));
  await command(['npm', 'install', '--no-audit', '--no-fund', given.tarball, ...project.packages], folder);
  const ready = performance.now();
  if (project.build) await command(project.build, folder);
  await write(folder, project.page);
  const built = performance.now();
  const found = { install: ready - began, build: built - ready, ...(await installed(folder)) };
  if (project.kind === 'node') {
    const score = (await command(project.run, folder)).trim();
    return { ...found, score, run: performance.now() - built };
  }
  const site = await serve(project, folder);
  try {
    const shown = await inBrowser(given.browser, site.url, path.join(folder, 'photo.png'));
    const output = project.output ?? (project.build ? project.serve : undefined);
    const bundle = output === undefined ? undefined : await scripts(path.join(folder, output));
    return { ...found, ...shown, bundle, run: performance.now() - built };
  } finally {
    site.close();
  }
}
