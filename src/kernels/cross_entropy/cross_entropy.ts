import { perItem, perTask } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { reduce } from '../reduce/reduce.ts';
import { describe, elements, f32, type Shape, ShapeError, type Tensor } from '../tensor.ts';
import shader from './cross_entropy.wgsl';
import gradShader from './cross_entropy_grad.wgsl';

type None = Record<never, never>;

/** Per row; the mean is taken by `crossEntropy`. Inputs: logits [N, C], labels i32 [N]. Outputs: loss [N], log-sum-exp [N]. */
export const crossEntropyOp: Op<None> = {
  name: 'cross_entropy',
  outputs(_, [logits, labels]) {
    const rows = logits?.shape[0];
    if (
      logits?.shape.length !== 2 ||
      labels?.dtype !== 'i32' ||
      labels.shape.length !== 1 ||
      labels.shape[0] !== rows
    ) {
      throw new ShapeError(
        'cross_entropy',
        'logits f32[N, C] and labels i32[N]',
        `${describe(logits)} and ${describe(labels)}`,
      );
    }
    return [f32(rows!), f32(rows!)];
  },
  dispatches({ inputs: [logits, labels], outputs: [loss, logSum] }) {
    const [rows, classes] = logits!.shape as [number, number];
    return [
      {
        shader,
        bindings: { logits, labels, loss, log_sum: logSum },
        uniforms: { rows, width: classes },
        ...perTask(rows),
      },
    ];
  },
  cost: ({ inputs: [logits] }) => ({ flops: 4 * elements(logits!.shape) }),
  gradient({ inputs: [logits, labels], outputs: [, logSum], upstream: [dloss], builder: g }) {
    return g.apply(crossEntropyGradOp, { shape: logits!.shape }, [logits, labels, logSum, dloss]);
  },
};

const crossEntropyGradOp: Op<{ shape: Shape }> = {
  name: 'cross_entropy_grad',
  outputs: ({ shape }) => [f32(...shape)],
  dispatches({ inputs: [logits, labels, logSum, dloss], outputs: [dlogits] }) {
    const [rows, classes] = logits!.shape as [number, number];
    return [
      {
        shader: gradShader,
        bindings: { logits, labels, log_sum: logSum, dloss, dlogits },
        uniforms: { rows, width: classes },
        ...perItem(rows * classes),
      },
    ];
  },
  cost: ({ outputs: [dlogits] }) => ({ flops: 4 * elements(dlogits!.shape) }),
};

/** Mean over the rows of -log softmax(logits)[label]: a scalar. @param labels class indices, i32 [N] */
export const crossEntropy = (g: Builder, logits: Tensor, labels: Tensor): Tensor =>
  reduce(g, g.apply(crossEntropyOp, {}, [logits, labels])[0]!, { kind: 'mean', axis: 0 });
