import { expect, test } from 'vitest';
import { compile } from '../src/graph/executor.ts';
import { createGraph } from '../src/graph/graph.ts';
import { affine } from '../src/kernels/elementwise/elementwise.ts';
import { f32 } from '../src/kernels/tensor.ts';
import { createResidentImages, residentBudget, type StepImage } from '../src/train/resident.ts';
import type { TrainingSource } from '../src/train/source.ts';
import { testGpu } from './gpu.ts';

const length = 96; // 384 bytes an image, and 64 of its mask
const featureOf = (index: number) => Float32Array.from({ length }, (_, i) => 1000 * index + i);

/** Images 0 .. count - 1, every second one with a mask; number 3 is unusable. */
function source(count: number): TrainingSource & { readonly asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    count,
    async load(index) {
      asked.push(index);
      if (index === 3) return { file: '3', problem: new Error('unreadable') };
      const mask = Uint8Array.from({ length: 64 }, (_, i) => (i + index) % 2);
      return {
        features: { patches: featureOf(index) },
        anomalous: index % 2 === 0,
        ...(index % 2 === 0 ? { mask } : {}),
      };
    },
  };
}

/** What a batch of them is on the device. */
async function gathered(images: readonly StepImage[]): Promise<number[]> {
  const gpu = await testGpu();
  const graph = createGraph();
  const input = graph.input('patches', f32(images.length, length));
  const executable = await compile(gpu, graph, { out: affine(graph, input, 1) });
  try {
    const { out } = await executable.run({ patches: images.map(({ features }) => features.patches!) }, [
      'out',
    ]);
    return [...out!];
  } finally {
    executable.dispose();
  }
}

const onDevice = ({ features }: StepImage) => !(features.patches instanceof Float32Array);

test.each([
  ['all', 2 ** 20, [0, 1, 2, 4, 5]],
  ['the first ones', 1024, [0, 1]],
  ['none', 0, []],
])('what fits the budget stays: %s', async (_, budget, expected) => {
  const gpu = await testGpu();
  const before = gpu.memory.allocated;
  const given = source(6);
  const resident = createResidentImages(gpu, given, budget);
  const load = async (index: number) => (await resident.load(index)) as StepImage;
  try {
    for (let index = 0; index < 6; index += 1) await resident.load(index);
    const order = [5, 0, 2, 1, 4];
    const again = await Promise.all(order.map(load));
    const kept = order.filter((_, i) => onDevice(again[i]!)).sort();
    expect(kept).toEqual(expected);
    expect(resident.kept.images).toBe(expected.length);
    expect(resident.kept.bytes).toBeLessThanOrEqual(budget);
    expect(given.asked.slice(6).sort()).toEqual([0, 1, 2, 4, 5].filter((index) => !kept.includes(index)));
    expect(await gathered(again)).toEqual(order.flatMap((index) => [...featureOf(index)]));
    expect(again.map(({ anomalous }) => anomalous)).toEqual([false, true, true, false, true]);
    expect(await resident.load(3)).toHaveProperty('problem'); // asked for every time
  } finally {
    resident.dispose();
  }
  expect(gpu.memory.allocated).toBe(before);
});

test('several at the same time take places of their own', async () => {
  const resident = createResidentImages(await testGpu(), source(3), 2 ** 20);
  try {
    const images = await Promise.all([0, 1, 2].map((index) => resident.load(index)));
    expect(await gathered(images as StepImage[])).toEqual([0, 1, 2].flatMap((i) => [...featureOf(i)]));
  } finally {
    resident.dispose();
  }
});

test('the default budget is a number of bytes that the adapter can have', async () => {
  const gpu = await testGpu();
  expect(residentBudget(gpu)).toBeGreaterThan(0);
  expect(residentBudget(gpu)).toBeLessThanOrEqual(Math.min(2 ** 32, gpu.device.limits.maxBufferSize));
});

test('parts that do not fit an input are refused', async () => {
  const gpu = await testGpu();
  const graph = createGraph();
  const executable = await compile(gpu, graph, { out: affine(graph, graph.input('x', f32(2, 4)), 1) });
  try {
    const part = new Float32Array(3);
    await expect(executable.run({ x: [part, part] }, ['out'])).rejects.toThrow(/16 bytes .* found 12/);
  } finally {
    executable.dispose();
  }
});
