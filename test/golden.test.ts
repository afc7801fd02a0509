import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GpuOptions, openGpu } from '../src/gpu/gpu.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';
import { checkGolden, checkGoldenFile } from './golden/check.ts';
import { formatReport } from './golden/report.ts';
import { testGpu } from './gpu.ts';

const { matrixUnits } = (await testGpu()).capabilities;
const folder = process.env.FAPROMPT_GOLDEN ?? sharedPath('golden');

describe.skipIf(!process.env.FAPROMPT_GOLDEN && !hasShared('golden/manifest.json'))('golden tensors', () => {
  let copy = '';
  beforeAll(async () => {
    copy = await mkdtemp(path.join(os.tmpdir(), 'faprompt-golden-'));
  });
  afterAll(() => rm(copy, { recursive: true, force: true }));

  test('every tensor within its tolerance', async () => {
    const report = await checkGolden(await testGpu(), folder);
    for (const [group, { worst, worstTensor }] of report.groups)
      expect.soft(worst, `${group}: ${worstTensor}`).toBeLessThanOrEqual(1);
    expect(formatReport(report).tensors).toBeGreaterThan(500);
  });

  test.each([
    ['without subgroups', { subgroups: false, variants: { matmul: 'split' } }],
    [
      'with the variants of GPUs',
      {
        variants: {
          matmul: 'tile',
          ...(process.env.FAPROMPT_TEST_GPU
            ? { attention: 'tile', attention_pair: 'tile', attention_grad: 'tile' }
            : { attention: 'direct', attention_pair: 'direct', attention_grad: 'direct' }),
          layernorm: 'wide',
          l2norm: 'wide',
          softmax: 'tree',
        },
      },
    ],
    [
      'with the kernels for few rows and short sequences',
      {
        variants: {
          matmul: 'skinny',
          layernorm: 'narrow',
          l2norm: 'narrow',
          elementwise: 'scalar',
          expand: 'scalar',
          reduce: 'tree',
          attention: 'sequence',
          attention_grad: 'sequence',
        },
      },
    ],
    ...(matrixUnits.length > 0
      ? [['on matrix units', { variants: { matmul: 'units' } }] as [string, GpuOptions]]
      : []),
  ] satisfies [string, GpuOptions][])('%s', async (_, options) => {
    const gpu = await openGpu(options);
    const { worst, tensors } = formatReport(await checkGolden(gpu, folder));
    gpu.close();
    expect(worst).toBeLessThanOrEqual(1);
    expect(tensors).toBeGreaterThan(500);
  });

  /** One number of one tensor, moved by `by`, must be noticed. */
  const changed = [
    'a/vision.safetensors image/tokens',
    'a/topm.safetensors grad/dap0/prior',
    'a/paper.safetensors param3/ctx_neg',
  ];
  test.each(changed)('a changed number in %s fails', async (place) => {
    const [file, tensor] = place.split(' ') as [string, string];
    await cp(folder, copy, { recursive: true });
    const bytes = await readFile(path.join(copy, file));
    const headerLength = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    // The largest element: no mode excludes it from the comparison.
    const [from, to] = header[tensor]!.data_offsets.map((offset) => 8 + headerLength + offset) as [
      number,
      number,
    ];
    const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + to));
    const at = numbers.reduce((best, value, i) => (Math.abs(value) > Math.abs(numbers[best]!) ? i : best), 0);
    bytes.writeFloatLE(numbers[at]! * 1.01, from + 4 * at);
    await writeFile(path.join(copy, file), bytes);
    const reports = await checkGoldenFile(await testGpu(), folder, file, [copy]);
    const [right, wrong] = reports.map((report) => formatReport(report).worst);
    expect(right).toBeLessThanOrEqual(1);
    expect(wrong).toBeGreaterThan(1);
  });
});
