import { perItem } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { reduce } from '../reduce/reduce.ts';
import { describe, elements, f32, ShapeError, sameShape, type Tensor, type TensorSpec } from '../tensor.ts';
import shader from './binary_focal.wgsl';
import gradShader from './binary_focal_grad.wgsl';

export interface BinaryFocalAttrs {
  /** What the score is: a logit, or a probability. */
  readonly kind: 'logits' | 'prob';
  readonly gamma: number;
}

function check(score: TensorSpec | undefined, labels: TensorSpec | undefined): asserts score {
  if (score?.dtype !== 'f32' || labels?.dtype !== 'f32' || !sameShape(score.shape, labels.shape)) {
    throw new ShapeError(
      'binary_focal',
      'score and labels f32[N]',
      `${describe(score)} and ${describe(labels)}`,
    );
  }
}

/** Per element; the mean is taken by `binaryFocal`. Inputs: score, labels. */
export const binaryFocalOp: Op<BinaryFocalAttrs> = {
  name: 'binary_focal',
  outputs(_, [score, labels]) {
    check(score, labels);
    return [f32(...score.shape)];
  },
  dispatches({ attrs: { kind, gamma }, inputs: [score, labels], outputs: [loss] }) {
    const count = elements(score!.shape);
    return [
      {
        shader,
        bindings: { score, labels, loss },
        uniforms: { count, gamma },
        ...perItem(count, { LOGITS: kind === 'logits' }),
      },
    ];
  },
  cost: ({ inputs: [score] }) => ({ flops: 20 * elements(score!.shape) }),
  gradient({ attrs, inputs: [score, labels], upstream: [dloss], builder: g }) {
    return g.apply(binaryFocalGradOp, attrs, [score, labels, dloss]);
  },
};

const binaryFocalGradOp: Op<BinaryFocalAttrs> = {
  name: 'binary_focal_grad',
  outputs: (_, [score]) => [f32(...score!.shape)],
  dispatches({ attrs: { kind, gamma }, inputs: [score, labels, dloss], outputs: [dscore] }) {
    const count = elements(score!.shape);
    return [
      {
        shader: gradShader,
        bindings: { score, labels, dloss, dscore },
        uniforms: { count, gamma },
        ...perItem(count, { LOGITS: kind === 'logits' }),
      },
    ];
  },
  cost: ({ inputs: [score] }) => ({ flops: 40 * elements(score!.shape) }),
};

/** Mean of (1 - exp(-bce))^gamma * bce over scores [N] with labels [N] in [0, 1]: a scalar. */
export const binaryFocal = (
  g: Builder,
  score: Tensor,
  labels: Tensor,
  { kind, gamma = 2 }: { kind: BinaryFocalAttrs['kind']; gamma?: number },
): Tensor =>
  reduce(g, g.apply(binaryFocalOp, { kind, gamma }, [score, labels])[0]!, { kind: 'mean', axis: 0 });
