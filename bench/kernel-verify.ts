// Whether a kernel's results are those of its definition in float64, at its cases and at samples of the model's shapes.
import type { Gpu } from '../src/gpu/gpu.ts';
import type { Case, OpTest } from '../src/kernels/op-test.ts';
import { checkCase, compare, makeInput } from '../testing/op-check.ts';
import { opTestOf } from '../testing/op-tests.ts';
import { build } from './kernel-build.ts';
import type { ModelCase } from './model-cases.ts';

/** Throws if the case's result, forward or backward, is not the float64 reference's. */
export async function verify(
  gpu: Gpu,
  opTest: OpTest,
  testCase: Case<unknown>,
  variant?: string,
): Promise<void> {
  for (const { what, error, scale } of await checkCase(gpu, opTest, testCase, variant)) {
    if (!(error <= (testCase.tolerance ?? 5e-6) * scale + 1e-30))
      throw new Error(`${opTest.op.name}/${testCase.name} ${variant ?? ''}: ${what} is wrong by ${error}`);
  }
}

/**
 * Compares sampled parts of a model case, forward and backward, with the float64 reference of those parts.
 * @param variants each of them; undefined: the operator's own choice
 */
export async function verifyModelCase(
  gpu: Gpu,
  modelCase: ModelCase,
  variants: readonly (string | undefined)[] = [undefined],
): Promise<void> {
  const { op, testCase, sampledAttrs, sample, wrt } = modelCase;
  const opTest = opTestOf(op);
  const values = testCase.inputs.map((input, i) => input && sample(makeInput(input, i), i));
  const [out] = opTest.reference.forward(sampledAttrs, values);
  let gradients: ReturnType<NonNullable<OpTest['reference']['backward']>> | undefined;
  for (const variant of variants) {
    const { executable, feeds } = await build(gpu, opTest, testCase, { wrt, sets: 1, variant });
    try {
      const found = await executable.run(feeds, ['0/out0', ...wrt.map((i) => `0/d${i}`)]);
      const shape = executable.plan.outputs['0/out0']!.shape;
      const checks = [{ name: '0/out0', shape, want: out!.data }];
      if (wrt.length > 0) {
        const upstream = sample(makeInput({ shape }, 500));
        gradients ??= opTest.reference.backward!(sampledAttrs, values, [upstream]);
        for (const i of wrt)
          checks.push({ name: `0/d${i}`, shape: testCase.inputs[i]!.shape, want: gradients[i]!.data });
      }
      for (const { name, shape: full, want } of checks) {
        const got = sample({ shape: full, data: Float64Array.from(found[name]!) }).data;
        const { error, scale } = compare(name, got, want);
        if (!(error <= 1e-5 * scale))
          throw new Error(
            `${op}/${testCase.name} ${variant ?? ''}: ${name} is wrong by ${error} of ${scale}`,
          );
      }
    } finally {
      executable.dispose();
    }
  }
}
