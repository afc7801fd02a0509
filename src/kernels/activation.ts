// Host side of the activations: a function of each element, and its gradient from the input.
import type { Shader } from '../gpu/shader.ts';
import {
  type Builder,
  type Dispatch,
  elements,
  f32,
  type Op,
  ShapeError,
  sameShape,
  spread,
  type Tensor,
} from './op.ts';

const workgroup = 64;

export interface Activation {
  readonly op: Op<object>;
  /** f(x) for a tensor of any shape. @throws ShapeError for another type than f32. */
  apply(g: Builder, x: Tensor): Tensor;
  /** d loss / d x from the input `x` and d loss / d output. @throws ShapeError where the shapes differ. */
  gradient(g: Builder, x: Tensor, dout: Tensor): Tensor;
}

/**
 * @param settings `forward` binds x and out, `backward` x, dout and dx, both with a `count`; `flops` per element of
 *   each; `items`: elements per invocation, for shaders with an override ITEMS, which spreads the cost of starting one
 */
export function defineActivation({
  name,
  forward,
  backward,
  flops,
  items = 1,
}: {
  name: string;
  forward: Shader;
  backward: Shader;
  flops: { forward: number; backward: number };
  items?: number;
}): Activation {
  const dispatch = (shader: Shader, bindings: Dispatch['bindings'], count: number): Dispatch => ({
    shader,
    bindings,
    uniforms: { count },
    overrides: { WORKGROUP: workgroup, ...(items > 1 ? { ITEMS: items } : {}) },
    workgroups: spread(Math.ceil(count / (workgroup * items))),
  });
  const gradientOp: Op<object> = {
    name: `${name}_grad`,
    outputs(_, [x, dout]) {
      if (!x || !dout || !sameShape(x.shape, dout.shape))
        throw new ShapeError(
          `${name}_grad`,
          'two tensors of the same shape',
          `[${x?.shape.join(', ')}] and [${dout?.shape.join(', ')}]`,
        );
      return [f32(...x.shape)];
    },
    dispatches: ({ inputs: [x, dout], outputs: [dx] }) => [
      dispatch(backward, { x, dout, dx }, elements(dx!.shape)),
    ],
    cost: ({ inputs: [x] }) => ({ flops: flops.backward * elements(x!.shape) }),
  };
  const gradient = (g: Builder, x: Tensor, dout: Tensor): Tensor => g.apply(gradientOp, {}, [x, dout])[0]!;
  const op: Op<object> = {
    name,
    outputs(_, [x]) {
      if (x?.dtype !== 'f32') throw new ShapeError(name, 'an f32 tensor', x?.dtype ?? 'nothing');
      return [f32(...x.shape)];
    },
    dispatches: ({ inputs: [x], outputs: [out] }) => [dispatch(forward, { x, out }, elements(out!.shape))],
    cost: ({ inputs: [x] }) => ({ flops: flops.forward * elements(x!.shape) }),
    gradient: ({ inputs: [x], upstream: [dout], builder: g }) => [gradient(g, x!, dout!)],
  };
  return { op, gradient, apply: (g, x) => g.apply(op, {}, [x])[0]! };
}
