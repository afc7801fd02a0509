// train --dry-run for every method that learns: it opens no device, and says what a run will hold.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { namedMethods } from '../src/model/methods/named.ts';
import { writeBlips } from './blip-fixtures.ts';
import { cli, makeFixtures } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let blips: Awaited<ReturnType<typeof writeBlips>>;
beforeAll(async () => {
  fixtures = await makeFixtures();
  blips = await writeBlips(fixtures.dir);
});
afterAll(() => fixtures.remove());

const noDevice = { openGpu: () => Promise.reject(new Error('opened the device')) };

interface Report {
  readonly method: string;
  readonly learnables: number;
  readonly flops: { readonly step: number; readonly image: number; readonly uncached: number };
  readonly phases?: readonly { readonly epochs: number; readonly flops: number; readonly bytes: number }[];
  readonly bytes: Record<'weights' | 'state' | 'image' | 'step' | 'peak', number>;
}

async function report(...argv: string[]): Promise<Report> {
  const { code, out, note } = await cli(['train', '--dry-run', '--json', ...argv], noDevice);
  expect(code, note).toBe(0);
  return JSON.parse(out) as Report;
}

const learned = [...namedMethods.values()].filter(({ learning }) => learning);
// K and M make no new plan.
const names = learned.map(({ name }) => name).filter((name) => !/^(prompts|patches)-/.test(name));

test.each(names)('%s: a plan, for the small sizes', async (method) => {
  const config = method === 'blip' ? 'BLIP-small' : 'small';
  const { bytes, flops, ...found } = await report('--method', method, '--clip-config', config);
  expect(found.method).toBe(method);
  expect(found.learnables).toBeGreaterThan(0);
  expect(bytes.peak).toBe(bytes.weights + bytes.state + bytes.image + bytes.step);
  expect(flops.step).toBeGreaterThan(0);
  expect(flops.uncached).toBeGreaterThanOrEqual(flops.step + flops.image);
});

describe('at the published sizes', () => {
  const vitL = ['--clip-config', 'ViT-L/14@336px'];
  // Appendix of the paper and docs/METHODS.md.
  test.each([
    ['coop', 16 * 768, 1],
    ['cocoop-original', 4 * 768 + 768 * 48 + 48 + 48 * 768 + 768, 1],
    ['april-gan', 4 * (1024 * 768 + 768), 2],
    ['anomalyclip', 2 * 12 * 768 + 8 * 4 * 768, 2],
  ])('%s learns %i numbers, with %i moments each', async (method, learnables, moments) => {
    const found = await report('--method', method, ...vitL);
    expect(found.learnables).toBe(learnables);
    // Buffers are rounded up.
    const rounding = found.bytes.state - (1 + moments) * 4 * learnables;
    expect(rounding).toBeGreaterThanOrEqual(0);
    expect(rounding).toBeLessThan(1024);
  });

  test('BLIP base: 24 vectors of 768', async () => {
    const found = await report('--method', 'blip', '--clip-config', 'BLIP-base');
    expect(found.learnables).toBe(24 * 768);
  });

  test('FiLO: a plan for each of its phases, of which the first needs more', async () => {
    const found = await report('--method', 'filo', ...vitL);
    expect(found.phases!.map(({ epochs }) => epochs)).toEqual([15, 5]);
    const [first, second] = found.phases!;
    expect(first!.bytes).toBeGreaterThan(second!.bytes);
    expect(found.bytes.step).toBe(first!.bytes);
    expect((await report('--method', 'filo', '--epochs', '1', ...vitL)).phases).toBeUndefined();
  });
});

// One batch of all nine images: a run compiles what was planned and nothing else.
test.each([
  ['april-gan', 'clip', { taps: 2, normal: ['{}'], abnormal: ['damaged {}'], templates: ['{}.'] }],
  ['coop', 'clip', { context: 4, normal: '{class}', abnormal: 'damaged {class}' }],
  ['faprompt', 'clip', {}],
  ['blip', 'blip', {}],
])('%s: a run holds the bytes and does the work that were planned', async (method, kind, options) => {
  const clip = kind === 'blip' ? blips.folder : fixtures.clip;
  const given = [
    '--clip',
    clip,
    '--data',
    fixtures.data,
    '--batch',
    '9',
    '--epochs',
    '1',
    '--image-batch',
    '6',
  ];
  const argv = ['--method', method, '--method-options', JSON.stringify(options), ...given];
  const planned = await report(...argv);
  const folder = path.join(fixtures.dir, method);
  const { code, out, note } = await cli(['train', ...argv, '--out', folder, '--no-cache', '--json']);
  expect(code, note).toBe(0);
  const run = JSON.parse(out) as { memory: { planned: number }; step: { flops: number } };
  expect(run.memory.planned).toBe(planned.bytes.peak);
  expect(run.step.flops).toBe(planned.flops.step);
});

test('what cannot be trained is refused as a run refuses it', async () => {
  const refused = async (...argv: string[]) => {
    const { code, note } = await cli(['train', '--dry-run', ...argv], noDevice);
    expect(code).toBe(1);
    return note;
  };
  expect(await refused('--method', 'faprompt', '--clip-config', 'BLIP-base')).toMatch(
    /expected .*CLIP|needs a CLIP's text encoder/,
  );
  expect(await refused('--method', 'blip', '--clip-config', 'ViT-B/16')).toMatch(
    /expected a BLIP .*found a CLIP/,
  );
  expect(await refused('--method', 'filo', '--clip-config', 'small', '--batch', '2')).toMatch(
    /--batch: expected at most 1 with filo, found 2/,
  );
});
