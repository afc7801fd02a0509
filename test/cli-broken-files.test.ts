import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSafetensors, type TensorData, writeSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let train: string[];
const out = (...parts: string[]) => path.join(fixtures.dir, ...parts);

/** Expects failure with one error that matches. */
async function fails(argv: readonly string[], reason: RegExp, io = {}) {
  const { code, out: printed, note } = await cli(argv, io);
  expect(code).toBe(1);
  expect(note).toMatch(reason);
  // One line, and below it, indented, what the error has to add.
  expect(
    note
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('  ')),
  ).toHaveLength(1);
  expect(printed).toBe('');
}

/** A copy of a safetensors file with its tensors or metadata changed. */
async function edit(
  from: string,
  to: string,
  change: (tensors: Map<string, TensorData>, metadata: Record<string, string>) => void,
) {
  const file = await readSafetensors(bytesSource(from, await readFile(from)));
  const tensors = new Map<string, TensorData>();
  for (const [name, { dtype, shape }] of file.tensors)
    tensors.set(name, { dtype, shape, data: await file.readBytes(name) });
  const metadata = Object.fromEntries(file.metadata);
  change(tensors, metadata);
  await writeFile(to, writeSafetensors(tensors, metadata));
  return to;
}

beforeAll(async () => {
  fixtures = await makeFixtures();
  train = [
    'train',
    '--data',
    fixtures.data,
    '--clip',
    fixtures.clip,
    '--cache',
    out('cache'),
    '--epochs',
    '1',
    ...tinyOptions,
  ];
  const { code, note } = await cli([...train, '--out', out('run')]);
  expect(code, note).toBe(0);
});
afterAll(() => fixtures.remove());

const noDevice = {
  openGpu: () => Promise.reject(new Error('the device was opened before the file was checked')),
};

describe('weights', () => {
  const evalWith = (clip: string) => [
    'eval',
    '--data',
    fixtures.data,
    '--clip',
    clip,
    '--prompts',
    out('run', 'prompts.safetensors'),
  ];

  test.each<[string, (bytes: Buffer) => Buffer | string, RegExp]>([
    ['empty', () => '', /broken\.safetensors: expected/],
    ['truncated', (bytes) => bytes.subarray(0, -10), /truncated/],
    [
      'not JSON',
      (bytes) => Buffer.concat([bytes.subarray(0, 8), Buffer.from('nonsense'), bytes.subarray(16)]),
      /a header in JSON/,
    ],
    [
      'a header of 1 TB',
      (bytes) => Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, 0]), bytes.subarray(8)]),
      /header/,
    ],
  ])('%s: refused before the device is opened', async (_, change, reason) => {
    const broken = out('broken.safetensors');
    await writeFile(broken, change(await readFile(fixtures.clip)));
    await fails(evalWith(broken), reason, noDevice);
    await fails(['weights', 'info', broken], reason, noDevice);
    await fails(['train', '--dry-run', '--clip', broken], reason, noDevice);
  });

  test.each<[string, (tensors: Map<string, TensorData>) => void, RegExp]>([
    [
      'a missing tensor',
      (t) => t.delete('ln_final.bias'),
      /tensor ln_final\.bias: expected shape \[64\], found no such tensor/,
    ],
    ['an unknown tensor', (t) => t.set('extra', t.get('ln_final.bias')!), /tensor extra: .*unknown/],
    [
      'a wrong shape',
      (t) => t.set('visual.ln_post.bias', { dtype: 'F32', shape: [63], data: new Float32Array(63) }),
      /tensor visual\.ln_post\.bias: expected shape \[64\], found \[63\]/,
    ],
    [
      'a wrong type',
      (t) => t.set('ln_final.bias', { dtype: 'I32', shape: [64], data: new Int32Array(64) }),
      /tensor ln_final\.bias: expected dtype .*found I32/,
    ],
  ])('%s: file, tensor, expected and found', async (_, change, reason) => {
    const broken = await edit(fixtures.clip, out('broken.safetensors'), change);
    await fails(['weights', 'info', broken], reason, noDevice);
    await fails([...train, '--clip', broken, '--out', out('other')], reason);
  });

  test('a folder or nothing instead of a file', async () => {
    await fails(
      evalWith(fixtures.dir),
      /expected weights in this folder: one of model.safetensors.*, found none/,
      noDevice,
    );
    await fails(evalWith(out('nothing')), /nothing: expected a readable file, found ENOENT/, noDevice);
  });
});

describe('prompts', () => {
  const evalWith = (prompts: string) => [
    'eval',
    '--data',
    fixtures.data,
    '--clip',
    fixtures.clip,
    '--cache',
    out('cache'),
    '--prompts',
    prompts,
  ];
  type Change = (tensors: Map<string, TensorData>, metadata: Record<string, string>) => void;
  const option =
    (name: string, value: unknown): Change =>
    (_, metadata) => {
      metadata.options = JSON.stringify({ ...(JSON.parse(metadata.options!) as object), [name]: value });
    };

  test.each<[string, Change, RegExp]>([
    [
      'a missing tensor',
      (t) => t.delete('ctx_neg'),
      /tensor ctx_neg: expected shape \[1,2,2,64\], found no such tensor/,
    ],
    ['an unknown tensor', (t) => t.set('more', t.get('ctx_neg')!), /tensor more: .*unknown/],
    [
      'a wrong shape',
      (t) => t.set('ctx_pos', { dtype: 'F32', shape: [4], data: new Float32Array(4) }),
      /tensor ctx_pos: expected shape \[1,1,5,64\], found \[4\]/,
    ],
    [
      'NaN',
      (t) =>
        t.set('ctx_pos', {
          dtype: 'F32',
          shape: [1, 1, 5, 64],
          data: new Float32Array(320).fill(Number.NaN),
        }),
      /tensor ctx_pos: expected finite numbers/,
    ],
    [
      'another format',
      (_, m) => Object.assign(m, { format: 'other' }),
      /__metadata__\.format: faprompt-prompts, found other/,
    ],
    ['a later version', (_, m) => Object.assign(m, { version: '9' }), /__metadata__\.version: 1, found 9/],
    [
      'an image size that is no number',
      (_, m) => Object.assign(m, { imageSize: 'big' }),
      /__metadata__\.imageSize: an integer of at least 1, found big/,
    ],
    [
      'an image size that does not fit',
      (_, m) => Object.assign(m, { imageSize: '33' }),
      /__metadata__\.imageSize, a multiple of 8, found 33/,
    ],
    [
      'too many V-V blocks',
      (_, m) => Object.assign(m, { dualLayers: '3' }),
      /__metadata__\.dualLayers of at most 2, found 3/,
    ],
    [
      'options that are not JSON',
      (_, m) => Object.assign(m, { options: '{' }),
      /__metadata__\.options: JSON, found \{/,
    ],
    [
      'a wrong option',
      option('prompts', 'ten'),
      /__metadata__\.options\.prompts: an integer of at least 1, found "ten"/,
    ],
    [
      'a wrong choice',
      option('priorFrom', 'best'),
      /__metadata__\.options\.priorFrom: one of top, first, class, found "best"/,
    ],
    [
      'another CLIP',
      (_, m) => Object.assign(m, { clip: 'a'.repeat(64) }),
      /trained on .*clip\.safetensors .*found prompts for the CLIP with sha256 aaaa/,
    ],
  ])('%s: file, field or tensor, expected and found', async (_, change, reason) => {
    const broken = await edit(out('run', 'prompts.safetensors'), out('broken-prompts.safetensors'), change);
    await fails(evalWith(broken), reason);
    await fails(evalWith(broken), /broken-prompts\.safetensors/);
  });

  test('another CLIP of the same sizes works when it is asked for', async () => {
    const other = await edit(out('run', 'prompts.safetensors'), out('other-clip.safetensors'), (_, m) =>
      Object.assign(m, { clip: 'a'.repeat(64) }),
    );
    expect((await cli([...evalWith(other), '--allow-other-clip'])).code).toBe(0);
  });

  test('a CLIP, or a truncated file, instead of prompts', async () => {
    await fails(
      evalWith(fixtures.clip),
      /expected trained prompts, found the weights of a CLIP, which go with --clip/,
    );
    await writeFile(
      out('cut.safetensors'),
      (await readFile(out('run', 'prompts.safetensors'))).subarray(0, -1),
    );
    await fails(evalWith(out('cut.safetensors')), /cut\.safetensors.*truncated/);
  });
});

describe('checkpoints', () => {
  test.each<[string, (tensors: Map<string, TensorData>, metadata: Record<string, string>) => void, RegExp]>([
    [
      'a missing moment',
      (t) => t.delete('m/ctx_neg'),
      /tensor m\/ctx_neg: expected shape \[1,2,2,64\], found no such tensor/,
    ],
    ['an unknown tensor', (t) => t.set('w/ctx_neg', t.get('ctx_neg')!), /tensor w\/ctx_neg: .*unknown/],
    [
      'progress that is not JSON',
      (_, m) => Object.assign(m, { progress: 'far' }),
      /__metadata__\.progress: a JSON object, found far/,
    ],
    [
      'a step that is no count',
      (_, m) => Object.assign(m, { progress: '{"epoch":0,"position":4,"step":-1}' }),
      /__metadata__\.progress\.step: a count, found -1/,
    ],
    [
      'no settings',
      (_, m) => delete m.settings,
      /__metadata__\.settings: a text \(is this a checkpoint\?\), found nothing/,
    ],
  ])('%s: file, field or tensor, expected and found', async (_, change, reason) => {
    await cp(out('run'), out('broken-run'), { recursive: true });
    await edit(out('run', 'last.safetensors'), out('broken-run', 'last.safetensors'), change);
    await fails([...train, '--out', out('broken-run'), '--resume'], reason);
    await rm(out('broken-run'), { recursive: true });
  });

  test('truncated', async () => {
    await cp(out('run'), out('broken-run'), { recursive: true });
    await writeFile(
      out('broken-run', 'last.safetensors'),
      (await readFile(out('run', 'last.safetensors'))).subarray(0, 1000),
    );
    await fails([...train, '--out', out('broken-run'), '--resume'], /last\.safetensors: expected/);
    // The checkpoint of an epoch takes its place.
    await cp(out('broken-run', 'epoch-001.safetensors'), out('broken-run', 'last.safetensors'));
    expect((await cli([...train, '--out', out('broken-run'), '--resume'])).code).toBe(0);
  });
});

describe('data', () => {
  test('no data set: file, what was expected and found', async () => {
    await fails(
      [...train, '--data', out('run'), '--out', out('x')],
      /run: expected meta\.json or .*layout.*, found n/,
      noDevice,
    );
    await fails(
      [...train, '--data', out('nowhere'), '--out', out('x')],
      /nowhere: expected a folder, found nothing/,
      noDevice,
    );
    await cp(fixtures.data, out('bad-meta'), { recursive: true });
    await writeFile(out('bad-meta', 'meta.json'), '{"train":{},"test":{"weave":[{"img_path":7}]}}');
    await fails(
      [...train, '--data', out('bad-meta'), '--out', out('x')],
      /meta\.json, field test\.weave\[0\]\.\w+: expected .*found/,
      noDevice,
    );
  });

  test('bad images and masks are reported once, skipped, and the run goes on; exit code 1', async () => {
    const data = out('bad-images');
    await cp(fixtures.data, data, { recursive: true });
    const meta = JSON.parse(await readFile(path.join(data, 'meta.json'), 'utf8')) as {
      test: { weave: { img_path: string; mask_path: string; anomaly: number }[] };
    };
    const defective = meta.test.weave.filter(({ anomaly }) => anomaly);
    const normal = meta.test.weave.filter(({ anomaly }) => !anomaly);
    await writeFile(path.join(data, normal[0]!.img_path), 'no image');
    const sharp = (await import('sharp')).default;
    await sharp({ create: { width: 8, height: 8, channels: 3, background: 'white' } })
      .png()
      .toFile(path.join(data, defective[0]!.mask_path));
    await rm(path.join(data, defective[1]!.mask_path)); // missing
    defective[2]!.mask_path = ''; // none: cannot be trained on
    await writeFile(path.join(data, 'meta.json'), JSON.stringify(meta));
    const {
      code,
      note,
      out: printed,
    } = await cli([...train, '--data', data, '--epochs', '2', '--out', out('bad-run'), '--json']);
    expect(code).toBe(1);
    const skipped = note.split('\n').filter((line) => line.startsWith('skipped:'));
    expect(skipped).toHaveLength(4);
    expect(note).toMatch(
      /000\.png: expected PNG, JPEG, BMP, TIFF, WebP, GIF or AVIF, found the text "no image"/,
    );
    expect(note).toMatch(/_mask\.png: expected a mask of 32 x 32 as its image, found 8 x 8/);
    expect(note).toMatch(/_mask\.png: expected the mask of .*found no such file/);
    expect(note).toMatch(/field mask_path: expected a mask for the anomalous image .*found none/);
    // Five of nine images are left: batches of four and one, in each of the two epochs.
    expect(JSON.parse(printed)).toMatchObject({ finished: true, steps: 4, problems: 4 });
  });

  test('a mask without an image is noted, and no reason to fail', async () => {
    const data = out('unused-mask');
    await cp(fixtures.data, data, { recursive: true });
    await rm(path.join(data, 'meta.json')); // the layout of MVTec AD is left
    const folder = path.join(data, 'weave/ground_truth/hole');
    await cp(path.join(folder, '000_mask.png'), path.join(folder, '900_mask.png'));
    const {
      code,
      note,
      out: printed,
    } = await cli([...train, '--data', data, '--out', out('unused-run'), '--json']);
    expect(code, note).toBe(0);
    expect(note).toMatch(/note: .*900_mask\.png: expected/);
    expect(JSON.parse(printed)).toMatchObject({ problems: 0 });
  });

  test('a data set whose images are all unusable', async () => {
    const data = out('all-bad');
    await cp(fixtures.data, data, { recursive: true });
    const meta = JSON.parse(await readFile(path.join(data, 'meta.json'), 'utf8')) as {
      test: { weave: { img_path: string }[] };
    };
    for (const { img_path } of meta.test.weave) await writeFile(path.join(data, img_path), '');
    const { code, note } = await cli([...train, '--data', data, '--out', out('all-bad-run')]);
    expect(code).toBe(1);
    expect(note).toMatch(/error: data: expected at least one usable image, found none of 9/);
  });
});
