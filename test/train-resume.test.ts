import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasEsbuild } from '../testing/esbuild.ts';
import { bundledCli } from './bundled-cli.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let train: string[];
const out = (name: string) => path.join(fixtures.dir, name);
const bytesOf = (folder: string, file = 'prompts.safetensors') => readFile(path.join(out(folder), file));

interface Line {
  event: string;
  epoch: number;
  step: number;
  images: number;
  position: number;
  loss: number;
  total: number;
}
const logOf = (folder: string): Line[] =>
  readFileSync(path.join(out(folder), 'log.jsonl'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return line ? [JSON.parse(line) as Line] : [];
      } catch {
        return []; // a line that is just being written
      }
    });
const withoutTimes = (lines: Line[]) => lines.map(({ ...line }) => ({ ...line, ms: 0 }));

/** Interrupts a run as soon as its log has `lines` lines. */
const interruptAt = (folder: string, lines: number) => ({
  onInterrupt(stop: () => void) {
    const timer = setInterval(() => {
      if (existsSync(path.join(out(folder), 'log.jsonl')) && logOf(folder).length >= lines) stop();
    }, 1);
    return () => clearInterval(timer);
  },
});

beforeAll(async () => {
  fixtures = await makeFixtures();
  const { clip, data } = fixtures;
  train = ['train', '--data', data, '--clip', clip, '--cache', out('cache'), '--epochs', '4', ...tinyOptions];
  const { code, note } = await cli([...train, '--out', out('whole')]);
  expect(code, note).toBe(0);
});
afterAll(() => fixtures.remove());

describe('a training run', () => {
  test('logs every step, the last batch of one image included, and every epoch', () => {
    const lines = logOf('whole');
    const steps = lines.filter(({ event }) => event === 'step');
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(steps.slice(0, 3).map(({ images, position }) => [images, position])).toEqual([
      [4, 4],
      [4, 8],
      [1, 9],
    ]);
    const epochs = lines.filter(({ event }) => event === 'epoch');
    expect(epochs.map(({ epoch, step }) => [epoch, step])).toEqual(
      [1, 2, 3, 4].map((epoch) => [epoch, 3 * epoch]),
    );
    const firstEpoch = steps.slice(0, 3).reduce((sum, { total }) => sum + total, 0) / 3;
    expect(epochs[0]!.loss).toBeCloseTo(firstEpoch, 10);
  });

  test('learns: the loss falls', () => {
    const losses = logOf('whole').flatMap(({ event, loss }) => (event === 'epoch' ? [loss] : []));
    expect(losses.at(-1)!).toBeLessThan(0.8 * losses[0]!);
  });

  test('leaves a checkpoint per epoch', () => {
    for (const epoch of ['001', '002', '003', '004'])
      expect(existsSync(path.join(out('whole'), `epoch-${epoch}.safetensors`))).toBe(true);
  });

  test('has other prompts with another seed', async () => {
    await cli([...train, '--out', out('seed'), '--seed', '1']);
    expect((await bytesOf('seed')).equals(await bytesOf('whole'))).toBe(false);
  });

  test.each([1, 4, 8])(
    'interrupted about line %i of its log exits with 130, and resumed has the same bits',
    async (lines) => {
      const folder = `interrupted-${lines}`;
      const first = await cli([...train, '--out', out(folder)], interruptAt(folder, lines));
      expect(first.code, first.note).toBe(130);
      expect(first.out).toContain('--resume');
      const stopped = logOf(folder).at(-1)!.step;
      expect(stopped).toBeLessThan(12);
      expect(existsSync(path.join(out(folder), 'prompts.safetensors'))).toBe(false);
      const second = await cli([...train, '--out', out(folder), '--resume']);
      expect(second.code, second.note).toBe(0);
      expect(second.note).toContain(`after step ${stopped}`);
      expect((await bytesOf(folder)).equals(await bytesOf('whole'))).toBe(true);
      expect(
        (await bytesOf(folder, 'last.safetensors')).equals(await bytesOf('whole', 'last.safetensors')),
      ).toBe(true);
      expect(withoutTimes(logOf(folder))).toEqual(withoutTimes(logOf('whole')));
    },
  );

  test.skipIf(!hasEsbuild())(
    'killed and resumed has the same bits, and a log without duplicates',
    async () => {
      const folder = 'killed';
      const bin = await bundledCli();
      const child = spawn(process.execPath, [bin, ...train, '--out', out(folder), '--save-every', '2'], {
        stdio: 'ignore',
      });
      const ended = new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
      // Past a checkpoint inside an epoch: steps after it are in the log, but lost.
      const log = path.join(out(folder), 'log.jsonl');
      while (!existsSync(log) || logOf(folder).length < 6)
        await new Promise((resolve) => setTimeout(resolve, 1));
      child.kill('SIGKILL');
      expect(await ended).toBe('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(existsSync(path.join(out(folder), 'prompts.safetensors'))).toBe(false);
      const { code, note } = await cli([...train, '--out', out(folder), '--save-every', '2', '--resume']);
      expect(code, note).toBe(0);
      expect((await bytesOf(folder)).equals(await bytesOf('whole'))).toBe(true);
      expect(withoutTimes(logOf(folder))).toEqual(withoutTimes(logOf('whole')));
    },
  );

  test('resumed for more epochs equals a run of that many', async () => {
    await cli([...train, '--out', out('longer'), '--epochs', '2']);
    const { code } = await cli([...train, '--out', out('longer'), '--resume']);
    expect(code).toBe(0);
    expect((await bytesOf('longer')).equals(await bytesOf('whole'))).toBe(true);
  });

  test('does not write over another run, nor resume it with other settings', async () => {
    const again = await cli([...train, '--out', out('whole')]);
    expect(again).toMatchObject({
      code: 1,
      note: expect.stringMatching(/out: expected a folder without a run.*--resume/),
    });
    for (const [flag, value, setting] of [
      ['--batch', '3', 'batch'],
      ['--seed', '7', 'seed'],
      ['--lr', '0.01', 'lr'],
      ['--patches', '5', 'patches'],
      ['--preset', 'paper', 'template'],
      ['--image-size', '48', 'imageSize'],
      ['--epochs', '2', 'epochs'],
      ['--cache-precision', 'f16', 'precision'],
    ] as const) {
      const { code, note } = await cli([...train, '--out', out('whole'), '--resume', flag, value]);
      expect(code).toBe(1);
      expect(note).toMatch(new RegExp(`last\\.safetensors: ${setting}: expected .*, found`));
      expect(note.trim().split('\n')).toHaveLength(1);
    }
  });

  test('resumed on other images is refused', async () => {
    await cp(fixtures.data, out('data2'), { recursive: true });
    const meta = JSON.parse(await readFile(out('data2/meta.json'), 'utf8')) as { test: { weave: unknown[] } };
    meta.test.weave.pop();
    await writeFile(out('data2/meta.json'), JSON.stringify(meta));
    const { code, note } = await cli([...train, '--data', out('data2'), '--out', out('whole'), '--resume']);
    expect(code).toBe(1);
    expect(note).toContain('data: expected');
  });

  test('stops at a loss that is not finite and keeps the last checkpoint', async () => {
    const { code, note } = await cli([...train, '--out', out('nan'), '--lr', '1e30', '--save-every', '1']);
    expect(code).toBe(1);
    expect(note).toMatch(/loss: expected a finite number, found (NaN|-?Infinity) at step/);
    const resumed = await cli([...train, '--out', out('nan'), '--lr', '1e30', '--resume']);
    expect(resumed.note).toMatch(/resuming .* after step \d/);
    await rm(out('nan'), { recursive: true });
  });
});
