import { type AdamAttrs, adamSchedule, elementsEach } from '../adam/adam.ts';
import { perItem } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { describe, elements, ShapeError, sameShape, type Tensor } from '../tensor.ts';
import shader from './adamw.wgsl';
import vec4Shader from './adamw_vec4.wgsl';

export interface AdamwAttrs extends AdamAttrs {
  /** Weight decay, times the learning rate, off the parameter in each step; 0 for biases and the like. */
  readonly decay: number;
  /** Largest value that the parameter may have after a step (CLIP's temperature); default: none. */
  readonly largest?: number | undefined;
}

const largestFloat = 3.4028234663852886e38;

/** Inputs: parameter, m, v (all written in place), gradient, schedule. */
export const adamwOp: Op<AdamwAttrs> = {
  name: 'adamw',
  inPlace: [0, 1, 2],
  updates: { state: [0, 1, 2], by: 3 },
  outputs(_, inputs) {
    const [parameter, m, v, gradient, schedule] = inputs;
    for (const t of [m, v, gradient]) {
      if (!parameter || !t || t.dtype !== 'f32' || !sameShape(t.shape, parameter.shape))
        throw new ShapeError('adamw', `m, v and gradient as ${describe(parameter)}`, describe(t));
    }
    if (!schedule || elements(schedule.shape) !== 3)
      throw new ShapeError('adamw', 'a schedule of 3 numbers', describe(schedule));
    return [parameter!, m!, v!];
  },
  dispatches({ attrs, inputs: [parameter, m, v, gradient, schedule], capabilities }) {
    const { beta1, beta2, epsilon, decay, largest = largestFloat } = attrs;
    const all = elements(parameter!.shape);
    const each = elementsEach(capabilities);
    const width = all % 4 === 0 && each >= 4 ? 4 : 1;
    const count = all / width;
    return [
      {
        shader: width === 4 ? vec4Shader : shader,
        bindings: { parameter, gradient, m, v, schedule },
        uniforms: {
          count,
          beta1,
          beta2,
          // Rounded from float64, as in adam.ts.
          one_minus_beta1: 1 - beta1,
          one_minus_beta2: 1 - beta2,
          epsilon,
          decay,
          largest,
        },
        ...perItem(count, { ITEMS: each / width }),
      },
    ];
  },
  cost: ({ inputs: [parameter] }) => ({ flops: 15 * elements(parameter!.shape) }),
};

/** Updates parameter, m and v in place. `schedule` [3] comes from adamwSchedule, uploaded for every step. */
export function adamw(
  g: Builder,
  { parameter, gradient, m, v, schedule }: Record<'parameter' | 'gradient' | 'm' | 'v' | 'schedule', Tensor>,
  attrs: AdamwAttrs,
): void {
  g.apply(adamwOp, attrs, [parameter, m, v, gradient, schedule]);
}

/** Adam's schedule and the learning rate, which scales the decay: [lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), lr]. */
export const adamwSchedule = (
  rates: { lr: number; beta1: number; beta2: number },
  step: number,
): Float32Array => Float32Array.of(...adamSchedule(rates, step), rates.lr);
