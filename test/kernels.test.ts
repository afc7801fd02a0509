import { describe, expect, test } from 'vitest';
import * as modules from '../src/kernels/index.ts';
import { testGpu } from './gpu.ts';
import { checkCase } from './op-check.ts';

const gpu = await testGpu();
const defaultTolerance = 5e-6;

/**
 * A GPU's variants are slow to compile on a software adapter and right or wrong like all others: matmul.test.ts and others
 * force those at a few cases, and `npm run test:mesa26` all.
 */
const capabilities = {
  ...gpu.capabilities,
  software: gpu.capabilities.software && !process.env.FAPROMPT_TEST_GPU,
};

/** Every operator at every case, forward and backward against float64, with its own choice and each variant forced. */
for (const opTest of Object.values(modules).flat()) {
  describe(opTest.op.name, () => {
    const variants = [undefined, ...(opTest.op.variants?.(capabilities) ?? [])];
    for (const testCase of opTest.cases) {
      for (const variant of variants) {
        test(`${testCase.name}${variant ? ` (${variant})` : ''}`, async () => {
          for (const { what, error, scale } of await checkCase(gpu, opTest, testCase, variant)) {
            const allowed = (testCase.tolerance ?? defaultTolerance) * scale + 1e-30;
            expect(error, `${what}: error ${error}, largest magnitude ${scale}`).toBeLessThanOrEqual(allowed);
          }
        });
      }
    }
  });
}
