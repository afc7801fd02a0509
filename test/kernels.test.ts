import { describe, expect, test } from 'vitest';
import * as modules from '../src/kernels/index.ts';
import { blocks } from '../src/kernels/matmul/variants.ts';
import { checkCase } from '../testing/op-check.ts';
import { testGpu } from './gpu.ts';

const gpu = await testGpu();
const defaultTolerance = 5e-6;

/**
 * A GPU's blocks take a software adapter seconds to compile, attention's tiles most of a minute: matmul.test.ts forces the
 * blocks at a few cases, `npm run test:mesa26` both at all. Heads of 32 have kernels with subgroups for themselves; those
 * without unroll their loops, for seconds, and other heads try them.
 */
const all = !gpu.capabilities.software || process.env.FAPROMPT_TEST_GPU;
const isLeft = (op: string, variant: string, name: string): boolean =>
  !all &&
  ((blocks as readonly string[]).includes(variant) ||
    (op.startsWith('attention') &&
      (variant === 'tile' || (variant === 'direct' && name.includes('head of 32')))));

/** Every operator at every case, forward and backward against float64, with its own choice and each variant forced. */
for (const opTest of Object.values(modules).flat()) {
  describe(opTest.op.name, () => {
    const variants = opTest.op.variants?.(gpu.capabilities) ?? [];
    for (const testCase of opTest.cases) {
      const tried = variants.filter((v) => !isLeft(opTest.op.name, v, testCase.name));
      for (const variant of [undefined, ...tried]) {
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
