import { expect, test } from 'vitest';
import { benchKernels, verify } from '../bench/kernels.ts';
import { relus } from '../src/kernels/index.ts';
import { testGpu } from './gpu.ts';

const gpu = await testGpu();

test('kernels: every case is timed, below positive ceilings', async () => {
  const { ceilings, kernels } = await benchKernels(gpu, { filter: 'relu/', quick: true });
  expect(ceilings.gflops).toBeGreaterThan(0);
  expect(ceilings.gigabytes).toBeGreaterThan(0);
  expect(kernels.map((k) => k.case)).toEqual(relus[0]!.cases.map((c) => c.name));
  for (const { milliseconds } of kernels) expect(milliseconds).toBeGreaterThan(0);
});

test('kernels: a wrong result is refused', async () => {
  const [room] = relus;
  const wrong = { ...room!, reference: { forward: room!.reference.forward } };
  const doubled = {
    ...wrong,
    reference: {
      forward: (...given: Parameters<typeof wrong.reference.forward>) =>
        wrong.reference.forward(...given).map((t) => ({ ...t, data: t.data.map((x) => 2 * x + 1) })),
    },
  };
  await expect(verify(gpu, doubled, room!.cases[1]!)).rejects.toThrow(/is wrong by/);
});
