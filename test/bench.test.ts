import { expect, test } from 'vitest';
import { checkDetection, createPipeline, randomJpeg } from '../bench/detect.ts';
import { verify, verifyModelCase } from '../bench/kernel-verify.ts';
import { benchKernels, countKernels } from '../bench/kernels.ts';
import { type ModelCase, modelCases } from '../bench/model-cases.ts';
import { randomClip, sizeOf } from '../bench/random-clip.ts';
import { roofline } from '../bench/roofline.ts';
import { reluTest } from '../src/kernels/index.ts';
import { testGpu } from './gpu.ts';

const gpu = await testGpu();

test('kernels: every case is timed, forward and backward, below positive ceilings, and plotted', async () => {
  const { ceilings, kernels } = await benchKernels(gpu, { filter: 'relu/', quick: true, shapes: 'cases' });
  expect(ceilings.gflops).toBeGreaterThan(0);
  expect(ceilings.gigabytes).toBeGreaterThan(0);
  const cases = reluTest.cases.map((c) => c.name);
  for (const direction of ['forward', 'backward'])
    expect(kernels.filter((k) => k.direction === direction).map((k) => k.case)).toEqual(cases);
  for (const { milliseconds, flopsPerByte } of kernels) {
    expect(milliseconds).toBeGreaterThan(0);
    expect(flopsPerByte).toBeGreaterThan(0);
  }
  const svg = await roofline(kernels, ceilings, 'an adapter');
  expect(svg).toMatch(/^<svg/);
  expect(svg).toContain('an adapter');
  // One mark per result, and the roof.
  expect(svg.match(/aria-roledescription="point"/g)).toHaveLength(kernels.length);
});

test('kernels: a wrong result is refused', async () => {
  const wrong = { ...reluTest, reference: { forward: reluTest.reference.forward } };
  const doubled = {
    ...wrong,
    reference: {
      forward: (...given: Parameters<typeof wrong.reference.forward>) =>
        wrong.reference.forward(...given).map((t) => ({ ...t, data: t.data.map((x) => 2 * x + 1) })),
    },
  };
  await expect(verify(gpu, doubled, reluTest.cases[1]!)).rejects.toThrow(/is wrong by/);
});

const small = ['small MLP 1', 'one text MLP 1', 'ViT-B/32'];

test.each(modelCases.filter(({ testCase }) => small.includes(testCase.name)))(
  "the model's own shape $op/$testCase.name agrees with its sampled reference",
  async (modelCase) => {
    await verifyModelCase(gpu, modelCase);
  },
);

test('a model case is compared, not waved through', async () => {
  const attention = modelCases.find((m) => m.op === 'attention' && m.testCase.name === 'ViT-B/32')!;
  const wrong: ModelCase = { ...attention, sampledAttrs: { heads: 1, causal: true } };
  await expect(verifyModelCase(gpu, wrong)).rejects.toThrow(/is wrong by/);
});

test('the filter selects by operator and case', () => {
  expect(countKernels(gpu, { filter: 'attention/ViT-L', shapes: 'model' })).toBe(2);
  expect(countKernels(gpu, { filter: 'no such', shapes: 'all' })).toBe(0);
});

test('detect: all phases take time and the detection is sound', async () => {
  const clip = await randomClip(gpu, 'small', false);
  const pipeline = await createPipeline(gpu, clip, sizeOf('small'));
  try {
    const { detection, times } = await pipeline.detect(await randomJpeg({ width: 64, height: 48 }, 1));
    checkDetection(detection, sizeOf('small'));
    for (const milliseconds of Object.values(times)) expect(milliseconds).toBeGreaterThan(0);
    expect(() => checkDetection({ ...detection, score: Number.NaN }, sizeOf('small'))).toThrow(
      /score is NaN/,
    );
    expect(() => checkDetection({ ...detection, map: new Float32Array(3) }, sizeOf('small'))).toThrow(/map/);
  } finally {
    pipeline.dispose();
    clip.dispose();
  }
});
