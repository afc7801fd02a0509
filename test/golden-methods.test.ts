import { describe, expect, test } from 'vitest';
import { openGpu } from '../src/gpu/gpu.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';
import { checkMethods, unread } from './golden/methods/check.ts';
import { formatReport } from './golden/report.ts';
import { testGpu } from './gpu.ts';

const given = process.env.FAPROMPT_METHODS_GOLDEN;
const folder = given ?? sharedPath('methods/golden');
// Both are looked for, so that both are said.
const found = [given === undefined ? 'methods/golden/manifest.json' : [], 'golden/manifest.json']
  .flat()
  .map(hasShared);
const there = found.every(Boolean);

test('a file that no check reads is named', () => {
  const files = ['clip/clip.safetensors', 'other/other.safetensors'];
  expect(unread(files, new Set(files))).toEqual([]);
  expect(unread(files, new Set(['clip/clip.safetensors']))).toEqual([
    'other/other.safetensors: not checked, no method of this engine (docs/METHODS.md) reads it',
  ]);
});

describe.skipIf(!there)('golden tensors of the methods', () => {
  test('every tensor within its tolerance', async () => {
    const report = await checkMethods(await testGpu(), folder, sharedPath('golden'));
    for (const [group, { worst, worstTensor }] of report.groups)
      expect.soft(worst, `${group}: ${worstTensor}`).toBeLessThanOrEqual(1);
    expect(report.groups.size).toBeGreaterThanOrEqual(13);
    // AdaCLIP is the only method of the reference that is not here.
    expect(report.notes.filter((note) => !note.startsWith('adaclip/'))).toEqual([]);
  });

  test('and so without subgroups, with the variants of GPUs', async () => {
    const gpu = await openGpu({ subgroups: false, variants: { matmul: 'tile', attention: 'tile' } });
    const report = await checkMethods(gpu, folder, sharedPath('golden'));
    gpu.close();
    for (const [group, { worst, worstTensor }] of report.groups)
      expect.soft(worst, `${group}: ${worstTensor}`).toBeLessThanOrEqual(1);
    const { tensors } = formatReport(report);
    expect(tensors).toBeGreaterThan(300);
  });
});
