import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { driverEnvironment, driverFolder, neededEnvironment } from '../scripts/vulkan/driver.mjs';
import { installPlan, parseOsRelease } from '../scripts/vulkan/plan.mjs';
import { probe } from '../scripts/vulkan/probe.mjs';

const root = path.resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(path.join(tmpdir(), 'faprompt-setup-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** This process's environment with every Vulkan driver hidden and an empty cache folder. */
const bare = {
  ...process.env,
  VK_DRIVER_FILES: '/nonexistent',
  VK_ICD_FILENAMES: '/nonexistent',
  XDG_CACHE_HOME: path.join(scratch, 'empty'),
};

/** Puts an unpacked driver's skeleton (no libraries) into a cache folder and returns an environment pointing there. */
function withSkeletonDriver(name: string) {
  const env = { ...bare, XDG_CACHE_HOME: path.join(scratch, name), LD_LIBRARY_PATH: '/opt/lib' };
  const folder = driverFolder(env);
  mkdirSync(path.join(folder, 'usr/lib/x86_64-linux-gnu'), { recursive: true });
  writeFileSync(path.join(folder, 'lvp_icd.json'), '{}');
  return { env, folder };
}

const start = (args: string[], env: NodeJS.ProcessEnv): ChildProcess =>
  spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Waits for a process; calls `onOutput` with all of its standard output so far. */
function ended(child: ChildProcess, onOutput: (stdout: string) => void = () => {}): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
    onOutput(stdout);
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

const debian = (version: number, codename: string) =>
  `PRETTY_NAME="Debian GNU/Linux ${version} (${codename})"\nVERSION_ID="${version}"\nVERSION_CODENAME=${codename}\nID=debian\n`;
const ubuntu = 'NAME="Ubuntu"\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\n';
const packages = ['mesa-vulkan-drivers', 'libvulkan1'];

describe('installPlan', () => {
  const linux = (osRelease: string, uid = 0) => installPlan({ osRelease, uid, platform: 'linux' });
  const text = (plan: ReturnType<typeof installPlan>) => (plan.kind === 'advice' ? plan.text : '');

  it('reads os-release with and without quotes', () => {
    const parsed = parseOsRelease(
      "# a comment\nID=debian\nNAME=\"A 'B' C\"\nX_1='single quoted'\nEMPTY=\nno line\n",
    );
    expect(parsed).toEqual({ ID: 'debian', NAME: "A 'B' C", X_1: 'single quoted', EMPTY: '' });
  });

  it('takes Debian 12 from backports, as root or into the cache', () => {
    const suite = 'bookworm-backports';
    expect(linux(debian(12, 'bookworm'))).toEqual({ kind: 'apt', as: 'root', packages, suite });
    expect(linux(debian(12, 'bookworm'), 1000)).toEqual({ kind: 'apt', as: 'user', packages, suite });
  });

  it("takes Debian 13, Ubuntu and their relatives from the system's own suites", () => {
    expect(linux(debian(13, 'trixie'))).toEqual({ kind: 'apt', as: 'root', packages });
    expect(linux(ubuntu, 1000)).toEqual({ kind: 'apt', as: 'user', packages });
    expect(linux('ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\n')).toMatchObject({
      kind: 'apt',
    });
  });

  it('says what to install elsewhere', () => {
    expect(text(linux('ID=fedora\n'))).toContain('dnf install mesa-vulkan-drivers vulkan-loader');
    expect(text(linux('ID="rocky"\nID_LIKE="rhel centos fedora"\n'))).toContain('dnf install');
    expect(text(linux('ID=arch\n'))).toContain('pacman -S vulkan-swrast vulkan-icd-loader');
    expect(text(linux('ID=opensuse-leap\nID_LIKE="suse opensuse"\n'))).toContain('zypper install');
    expect(text(linux('ID=alpine\n'))).toContain('glibc');
    expect(text(linux(''))).toContain('libvulkan.so.1');
    const other = (platform: NodeJS.Platform) => text(installPlan({ osRelease: '', uid: 501, platform }));
    expect(other('darwin')).toContain('Metal');
    expect(other('win32')).toContain('Direct3D 12');
    expect(other('freebsd')).toContain('freebsd');
  });
});

describe.runIf(process.platform === 'linux')('without a visible driver', () => {
  it('the probe reports none, with the reason', () => {
    const answer = probe(bare);
    expect(answer.adapter).toBeNull();
    expect(answer).toHaveProperty('reason', expect.stringMatching(/Vulkan|vkCreateInstance/i));
  });

  it('no environment is offered where no driver is unpacked', () => {
    expect(driverEnvironment(bare)).toBeUndefined();
    expect(neededEnvironment(bare)).toBeUndefined();
  });

  it('the unpacked driver is put in front, once', () => {
    const { env, folder } = withSkeletonDriver('skeleton');
    const wanted = neededEnvironment(env);
    expect(wanted).toMatchObject({
      VK_DRIVER_FILES: path.join(folder, 'lvp_icd.json'),
      VK_ICD_FILENAMES: path.join(folder, 'lvp_icd.json'),
      LD_LIBRARY_PATH: `${path.join(folder, 'usr/lib/x86_64-linux-gnu')}:/opt/lib`,
    });
    expect(neededEnvironment(wanted)).toBeUndefined();
  });

  it('with-vulkan gives the command that environment', async () => {
    const { env, folder } = withSkeletonDriver('with-vulkan');
    const print = ['-p', 'process.env.VK_DRIVER_FILES'];
    const run = await ended(start(['scripts/with-vulkan.mjs', process.execPath, ...print], env));
    expect(run).toMatchObject({ code: 0, stdout: `${path.join(folder, 'lvp_icd.json')}\n` });
  });
});

it('where the machine has an adapter, an unpacked driver is left alone', ({ skip }) => {
  const { env } = withSkeletonDriver('unneeded');
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, LD_LIBRARY_PATH } = process.env;
  const own = { ...env, VK_DRIVER_FILES, VK_ICD_FILENAMES, LD_LIBRARY_PATH };
  if (!probe(own).adapter) skip('no adapter here');
  expect(neededEnvironment(own)).toBeUndefined();
});

describe.runIf(process.platform !== 'win32')('with-vulkan', () => {
  const wrapper = (...command: string[]) => start(['scripts/with-vulkan.mjs', ...command], bare);
  /** Counts SIGINTs and SIGTERMs for 200 ms after the first, then prints them and exits with 5. */
  const counting = `
    const seen = [];
    for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => {
      if (seen.push(name) === 1) setTimeout(() => { console.log(seen.join()); process.exit(5); }, 200);
    });
    setInterval(() => {}, 1000);
    console.log('ready');`;

  it('passes arguments, output and the exit code', async () => {
    const script = 'console.log(JSON.stringify(process.argv.slice(1))); process.exitCode = 7';
    const run = await ended(wrapper('node', '-e', script, 'a b', '--c="d"', ''));
    expect(run).toMatchObject({ code: 7, signal: null, stdout: '["a b","--c=\\"d\\"",""]\n' });
  });

  it('finds the commands of node_modules/.bin', async () => {
    const run = await ended(wrapper('vitest', '--version'));
    expect(run.stdout).toMatch(/^vitest\/\d/);
    expect(run.code).toBe(0);
  });

  it('fails for an unknown command and without one', async () => {
    expect(await ended(wrapper('no-such-command'))).toMatchObject({
      code: 127,
      stderr: expect.stringContaining('no-such-command'),
    });
    expect(await ended(wrapper())).toMatchObject({ code: 2, stderr: expect.stringContaining('usage') });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s to the wrapper alone reaches the command once',
    async (signal) => {
      const child = wrapper('node', '-e', counting);
      const run = await ended(child, (stdout) => {
        if (stdout === 'ready\n') child.kill(signal);
      });
      expect(run).toMatchObject({ code: 5, stdout: `ready\n${signal}\n` });
    },
  );

  it('SIGINT to the process group, as from a terminal, reaches the command once', async () => {
    const args = ['scripts/with-vulkan.mjs', 'node', '-e', counting];

    const child = spawn(process.execPath, args, {
      cwd: root,
      env: bare,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const run = await ended(child, (stdout) => {
      if (stdout === 'ready\n') process.kill(-child.pid!, 'SIGINT');
    });
    expect(run).toMatchObject({ code: 5, stdout: 'ready\nSIGINT\n' });
  });

  it("ends by the signal that ended the command, and by a signal's default", async () => {
    expect(await ended(wrapper('sh', '-c', 'kill -KILL $$'))).toMatchObject({ signal: 'SIGKILL' });
    const child = wrapper('sh', '-c', 'echo ready; exec sleep 30');
    const run = await ended(child, () => child.kill('SIGTERM'));
    expect(run.signal).toBe('SIGTERM');
  });

  it.runIf(process.platform === 'linux')(
    'does not leave the command behind when it is killed outright',
    async () => {
      const child = wrapper('sh', '-c', 'echo ready; exec sleep 30');
      const before = performance.now();
      // 'close' comes when the last holder of the output pipe, the command, is gone.
      const run = await ended(child, () => child.kill('SIGKILL'));
      expect(run.signal).toBe('SIGKILL');
      expect(performance.now() - before).toBeLessThan(15_000);
    },
  );
});
