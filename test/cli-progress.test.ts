// Long work says how far it is: in a log a line every ten seconds, from the first image on, in every command.
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { formatTime } from '../src/jobs/io.ts';
import { createProgress } from '../src/jobs/progress.ts';
import { smallClip } from '../testing/browser/fixtures.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
const at = (name: string) => path.join(fixtures.dir, name);
beforeAll(async () => {
  fixtures = await makeFixtures();
});
afterAll(() => fixtures.remove());
afterEach(() => {
  vi.useRealTimers();
});

const notes: string[] = [];
const io = { note: (text: string) => notes.push(text), terminal: false } as unknown as Parameters<
  typeof createProgress
>[0];

test('a line every ten seconds: how many of all, seconds each, time left; also while the first takes long', () => {
  notes.length = 0;
  vi.useFakeTimers();
  const progress = createProgress(io, 'encoding images', 12, { unit: 'image' });
  vi.advanceTimersByTime(9000);
  expect(notes).toEqual([]);
  vi.advanceTimersByTime(11_000);
  expect(notes).toEqual(['encoding images 0/12  10.0 s', 'encoding images 0/12  20.0 s']);
  progress.update(3, 'loss 1');
  vi.advanceTimersByTime(10_000);
  expect(notes.at(-1)).toBe('encoding images 3/12  loss 1  10 s/image  90.0 s left');
  progress.stop();
  vi.advanceTimersByTime(60_000);
  expect(notes).toHaveLength(3);
});

test.each([
  [0.4, '0 ms'],
  [999.4, '999 ms'],
  [999.6, '1.00 s'],
  [9994, '9.99 s'],
  [9996, '10.0 s'],
  [119_940, '119.9 s'],
  [119_960, '2 min 0 s'],
  [239_900, '4 min 0 s'],
  [3_599_900, '60 min 0 s'],
  [7_199_600, '2 h 0 min'],
  [90_000_000, '25 h 0 min'],
])('%d ms in words: %s', (ms, words) => {
  expect(formatTime(ms)).toBe(words);
});

test('what was done before says nothing about the time left', () => {
  notes.length = 0;
  vi.useFakeTimers();
  const progress = createProgress(io, 'training', 100, { start: 90 });
  progress.update(95);
  vi.advanceTimersByTime(10_000);
  expect(notes).toEqual(['training 95/100  10.0 s left']);
  progress.stop();
});

describe('commands, with ten seconds every few milliseconds', () => {
  /** Runs a command while the clock of the lines runs fast. */
  async function hurried(argv: readonly string[]) {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let running = true;
    const outcome = cli(argv).finally(() => {
      running = false;
    });
    while (running) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      vi.advanceTimersByTime(10_000);
    }
    return outcome;
  }
  const common = () => ['--clip', fixtures.clip, '--no-cache'];
  const prompts = () => ['--prompts', at('run/prompts.safetensors')];

  test('train: the images that are encoded, then the steps', async () => {
    const { code, note } = await hurried([
      ...['train', '--data', fixtures.data, '--out', at('run'), '--epochs', '3'],
      ...[...common(), ...tinyOptions],
    ]);
    expect(code, note).toBe(0);
    expect(note).toMatch(/^encoding images \d\/9 /m);
    expect(note).toMatch(/^encoding images [1-9]\/9 .* s\/image {2}.* left$/m);
    expect(note).toMatch(/^training \d+\/27 .*epoch \d\/3 {2}loss [\d.]+ .* left$/m);
    expect(note.lastIndexOf('encoding images')).toBeLessThan(note.indexOf('training '));
  });

  test.each([
    ['eval', () => ['eval', '--data', fixtures.data, ...common(), ...prompts()], /^evaluating \d\/9 /m],
    [
      'detect',
      () => ['detect', fixtures.data, '--out', at('found'), ...common(), ...prompts()],
      /^detecting \d+\/\d+ .*s\/image/m,
    ],
    [
      'calibrate',
      () => ['calibrate', '--data', fixtures.data, '--best-f1', ...common(), ...prompts()],
      /^scoring \d\/9 /m,
    ],
    [
      'pretrain',
      () => [
        ...['pretrain', '--out', at('clip-run'), '--steps', '3', '--batch', '2', '--image-size', '32'],
        ...['--warmup', '1', '--save-every', '1'],
      ],
      /^step \d\/3 /m,
    ],
    [
      'weights quality',
      () => ['weights', 'quality', smallClip, '--samples', '2'],
      /^encoding images \d\/6 /m,
    ],
  ] as const)('%s', async (_, argv, line) => {
    const { code, note } = await hurried(argv());
    expect([0, 1], note).toContain(code);
    expect(note).toMatch(line);
  });
});
