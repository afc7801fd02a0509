import type { Capabilities } from '../../gpu/gpu.ts';
import { perItem } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { describe, elements, ShapeError, sameShape, type Tensor } from '../tensor.ts';
import shader from './adam.wgsl';

export interface AdamAttrs {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** Elements that one invocation updates: a software adapter is slow in starting invocations, a GPU in waiting for them. */
export const elementsEach = ({ software }: Capabilities): number => (software ? 16 : 1);

/** Inputs: parameter, m, v (all written in place), gradient, schedule. */
export const adamOp: Op<AdamAttrs> = {
  name: 'adam',
  inPlace: [0, 1, 2],
  updates: { state: [0, 1, 2], by: 3 },
  outputs(_, inputs) {
    const [parameter, m, v, gradient, schedule] = inputs;
    for (const t of [m, v, gradient]) {
      if (!parameter || !t || t.dtype !== 'f32' || !sameShape(t.shape, parameter.shape))
        throw new ShapeError('adam', `m, v and gradient as ${describe(parameter)}`, describe(t));
    }
    if (!schedule || elements(schedule.shape) !== 2)
      throw new ShapeError('adam', 'a schedule of 2 numbers', describe(schedule));
    return [parameter!, m!, v!];
  },
  dispatches({
    attrs: { beta1, beta2, epsilon },
    inputs: [parameter, m, v, gradient, schedule],
    capabilities,
  }) {
    const count = elements(parameter!.shape);
    return [
      {
        shader,
        bindings: { parameter, gradient, m, v, schedule },
        // The complements are rounded from float64: 1 - 0.999 in f32 would be off by 5e-5 of itself.
        uniforms: { count, beta1, beta2, one_minus_beta1: 1 - beta1, one_minus_beta2: 1 - beta2, epsilon },
        ...perItem(count, { ITEMS: elementsEach(capabilities) }),
      },
    ];
  },
  cost: ({ inputs: [parameter] }) => ({ flops: 12 * elements(parameter!.shape) }),
};

/** Updates parameter, m and v in place. `schedule` [2] comes from adamSchedule, uploaded for every step. */
export function adam(
  g: Builder,
  { parameter, gradient, m, v, schedule }: Record<'parameter' | 'gradient' | 'm' | 'v' | 'schedule', Tensor>,
  attrs: AdamAttrs,
): void {
  g.apply(adamOp, attrs, [parameter, m, v, gradient, schedule]);
}

/** What changes from step to step, with bias correction, in float64: [lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t)]. */
export const adamSchedule = (
  { lr, beta1, beta2 }: { lr: number; beta1: number; beta2: number },
  step: number,
): Float32Array => Float32Array.of(lr / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step));
