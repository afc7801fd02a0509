// Every option of `train` alone, every preset, every method, and random pairs of FAPrompt's options: two steps each; what
// comes out is used by `detect`, `eval` and the library, and the library trains the same. FAPROMPT_TESTS=full runs 200
// pairs and checks everything of each; else 20, and the library for a part of them.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import { createProgram } from '../src/cli/program.ts';
import type { Detector as Loaded } from '../src/detector/api.ts';
import { Detector } from '../src/detector/index.node.ts';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { laterOptions } from '../src/model/faprompt/option-checks.ts';
import { type PresetName, presetNames, presets } from '../src/model/faprompt/options.ts';
import { fapromptFamilyName } from '../src/model/methods/faprompt/faprompt.ts';
import { namedMethods } from '../src/model/methods/named.ts';
import { stagedBytes, stagedCli } from './matrix/effects.ts';
import { type MatrixFixture, matrixConfig, matrixFixture } from './matrix/fixture.ts';
import { elsewhere, trainVariants, type Variant } from './matrix/train-variants.ts';
import { cli } from './train-fixtures.ts';

const full = process.env.FAPROMPT_TESTS === 'full';
const pairs = full ? 200 : 20;
/** Of what trains, every n-th is checked in the library too. */
const everyNth = full ? 1 : 6;

const io = { out() {}, note() {}, terminal: false } as never;
const command = createProgram(io).commands.find((each) => each.name() === 'train')!;
const { variants, missing } = trainVariants(command);
const ablations = variants.filter(({ option }) => option);

/** Two of FAPrompt's options that are not the same one, on a preset. */
function randomPairs(count: number): { preset: PresetName; both: [Variant, Variant] }[] {
  const random = createRandom(12);
  const found: { preset: PresetName; both: [Variant, Variant] }[] = [];
  while (found.length < count) {
    const both: [Variant, Variant] = [random.pick(ablations), random.pick(ablations)];
    if (both[0].option![0] === both[1].option![0]) continue;
    found.push({ preset: random.pick(presetNames), both });
  }
  return found;
}

let fixture: MatrixFixture;
let detector: Loaded;
beforeAll(async () => {
  fixture = await matrixFixture();
  detector = await Detector.load({ clip: fixture.clip });
});
afterAll(async () => {
  detector?.close();
  await fixture?.remove();
});

let runs = 0;
/** Trains; returns the file of prompts, or undefined where there is nothing to train. */
async function trained({
  argv,
  trains,
  together,
}: Pick<Variant, 'argv' | 'trains' | 'together'>): Promise<string | undefined> {
  const { clip, data, dir, at } = fixture;
  runs += 1;
  const out = at(`run-${runs}`);
  const own = argv.map((word) => word.replace('{dir}', dir));
  const defaults = [
    ...(own.includes('--clip-config') ? [] : ['--clip', clip, '--data', data]),
    ...(own.includes('--cache') || own.includes('--no-cache') ? [] : ['--cache', at('cache')]),
    ...(own.includes('--epochs') ? [] : ['--epochs', '1']),
    ...(own.includes('--batch') ? [] : ['--batch', '4']),
  ];
  if (own.includes('--resume')) {
    const begin = own.filter((word) => word !== '--resume').map((word) => (word === '2' ? '1' : word));
    const { code, note } = await cli(['train', ...defaults, ...begin, '--out', out]);
    expect(code, note).toBe(0);
  }
  const run = await stagedCli(['train', ...defaults, ...own, ...(trains ? ['--out', out] : [])]);
  expect(run.code, run.note).toBe(0);
  if (!trains) {
    expect(run.out).toMatch(/GPU memory|peak/);
    if (together) expect(run.out).toContain(`image encoder in batches of ${together} `);
    return undefined;
  }
  if (together) expect(run.staged).toBe(stagedBytes(together, matrixConfig.imageResolution));
  const lines = (await readFile(`${out}/log.jsonl`, 'utf8')).trim().split('\n');
  const steps = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'step');
  expect(steps.length).toBeGreaterThan(0);
  for (const { total } of steps) expect(Number.isFinite(total)).toBe(true);
  return `${out}/prompts.safetensors`;
}

interface Row {
  readonly image: string;
  readonly score: number;
}

/** Uses prompts by `detect` and, if `all`, by `eval` and the library, which must agree. */
async function used(prompts: string, all: boolean): Promise<void> {
  const { clip, data, image, at } = fixture;
  const common = ['--clip', clip, '--prompts', prompts, '--cache', at('cache')];
  const found = await cli(['detect', image, '--json-lines', ...common]);
  expect(found.code, found.note).toBe(0);
  const { score } = JSON.parse(found.out) as Row;
  expect(score >= 0 && score <= 1).toBe(true);
  if (!all) return;
  const evaluated = await cli(['eval', '--data', data, '--json', '-', ...common]);
  expect(evaluated.code, evaluated.note).toBe(0);
  expect(JSON.parse(evaluated.out).mean.metrics.imageAuroc).not.toBeNull();
  await detector.setPrompts(prompts);
  expect((await detector.detect(image)).score).toBe(score);
}

async function learnables(bytes: Uint8Array) {
  const file = await readSafetensors(bytesSource('prompts', bytes));
  return Promise.all([...file.tensors.keys()].map(async (name) => [name, await file.readFloat32(name)]));
}

test('every option of train has a row, and what is tested elsewhere is tested there', async () => {
  expect(missing).toEqual([]);
  for (const [what, file] of Object.entries(elsewhere))
    expect(await readFile(file, 'utf8'), `${file} has ${what}`).toContain(what.split(' ').at(-1));
});

describe.each(presetNames)('preset %s', (preset) => {
  test('the command line and the library train the same prompts, which all use', async () => {
    const prompts = (await trained({ argv: ['--preset', preset], trains: true }))!;
    await used(prompts, true);
    const { samples } = fixture;
    const result = await detector.train({ samples, batch: 4, epochs: 1, preset }).result;
    expect(result.steps).toBe(2);
    expect(await learnables(result.prompts)).toEqual(await learnables(await readFile(prompts)));
  });
});

/** What the library is given to train the same; undefined: it is not tried. */
function inLibrary({ argv: [flag, method], option }: Variant, checked: boolean) {
  if (option) return checked ? { options: { [option[0]]: option[1] } } : undefined;
  if (flag !== '--method') return undefined;
  // Other families than FAPrompt's have things of their own: depths, optimizers, phases, names of classes.
  const all = namedMethods.get(method!)!.family !== fapromptFamilyName;
  return checked || all ? { method: method! } : undefined;
}

describe('every option alone', () => {
  test.each(variants.map((variant, i) => [variant.argv.join(' '), variant, i] as const))(
    '%s',
    async (_, variant, i) => {
      const prompts = await trained(variant);
      if (!prompts) return;
      const checked = i % everyNth === 0;
      await used(prompts, checked);
      const choice = inLibrary(variant, checked);
      if (!choice) return;
      const { samples } = fixture;
      const result = await detector.train({ samples, batch: 4, epochs: 1, ...choice }).result;
      expect(await learnables(result.prompts)).toEqual(await learnables(await readFile(prompts)));
    },
  );
});

describe('random pairs', () => {
  test.each(
    randomPairs(pairs).map(({ preset, both }, i) => {
      const argv = ['--preset', preset, ...both.flatMap((variant) => variant.argv)];
      const options = Object.fromEntries(both.map(({ option }) => option!)) as Record<string, unknown>;
      return [argv.join(' '), { argv, preset, options, i }] as const;
    }),
  )('%s', async (_, { argv, preset, options, i }) => {
    const prompts = (await trained({ argv, trains: true }))!;
    await used(prompts, i % everyNth === 0);
    const merged = { ...presets[preset], ...options };
    const stored = (await readSafetensors(bytesSource('prompts', await readFile(prompts)))).metadata;
    expect({ ...laterOptions, ...JSON.parse(stored.get('options')!) }).toEqual(merged);
  });
});
