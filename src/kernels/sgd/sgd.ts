import { perItem } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { describe, elements, ShapeError, sameShape, type Tensor } from '../tensor.ts';
import shader from './sgd.wgsl';

export interface SgdAttrs {
  /** Share of the last step's direction that is kept; 0: plain gradient descent. */
  readonly momentum: number;
  /** Weight decay, added to the gradient. */
  readonly decay: number;
}

/** Inputs: parameter, momentum (both written in place), gradient, schedule. */
export const sgdOp: Op<SgdAttrs> = {
  name: 'sgd',
  inPlace: [0, 1],
  outputs(_, inputs) {
    const [parameter, momentum, gradient, schedule] = inputs;
    for (const t of [momentum, gradient]) {
      if (!parameter || !t || t.dtype !== 'f32' || !sameShape(t.shape, parameter.shape))
        throw new ShapeError('sgd', `momentum and gradient as ${describe(parameter)}`, describe(t));
    }
    if (!schedule || elements(schedule.shape) !== 1)
      throw new ShapeError('sgd', 'a schedule of one number', describe(schedule));
    return [parameter!, momentum!];
  },
  dispatches({ attrs: { momentum: factor, decay }, inputs: [parameter, momentum, gradient, schedule] }) {
    const count = elements(parameter!.shape);
    return [
      {
        shader,
        bindings: { parameter, gradient, momentum, schedule },
        uniforms: { count, factor, decay },
        ...perItem(count),
      },
    ];
  },
  cost: ({ inputs: [parameter] }) => ({ flops: 6 * elements(parameter!.shape) }),
};

/** Updates parameter and momentum (zeros before the first step) in place. `schedule` [1]: the learning rate. */
export function sgd(
  g: Builder,
  {
    parameter,
    gradient,
    momentum,
    schedule,
  }: Record<'parameter' | 'gradient' | 'momentum' | 'schedule', Tensor>,
  attrs: SgdAttrs,
): void {
  g.apply(sgdOp, attrs, [parameter, momentum, gradient, schedule]);
}
