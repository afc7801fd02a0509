// Host side of the pointwise operators: a function of each element, and its gradient from the input.
import type { Shader } from '../../gpu/shader.ts';
import { perItem } from '../grid.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { elements, f32, type Shape, ShapeError, sameShape, type Tensor } from '../tensor.ts';

const rowsOf = (shape: Shape, own: readonly number[]) =>
  shape.length < 2 ? undefined : { own, count: elements(shape.slice(0, -1)) };

/** Vectors of four elements that an invocation treats. */
const vectorsPerInvocation = 4;

export interface Pointwise {
  readonly op: Op<object>;
  /** The gradient's operator: inputs x, d loss / d output. */
  readonly gradientOp: Op<object>;
  /** f(x) for a tensor of any shape. @throws ShapeError for another type than f32. */
  apply(g: Builder, x: Tensor): Tensor;
  /** d loss / d x from the input `x` and d loss / d output. @throws ShapeError where the shapes differ. */
  gradient(g: Builder, x: Tensor, dout: Tensor): Tensor;
}

/**
 * @param shader a file that includes pointwise.wgsl and declares the function's value and derivative
 * @param flops per element, of the function and of its gradient
 */
export function definePointwise(
  name: string,
  shader: Shader,
  flops: { forward: number; backward: number },
): Pointwise {
  const dispatch = (x: Tensor, dout: Tensor | undefined, out: Tensor): Dispatch => {
    const count = elements(out.shape);
    return {
      shader,
      bindings: { x, dout, out },
      uniforms: { count },
      ...perItem(Math.ceil(count / 4), { ITEMS: vectorsPerInvocation, GRADIENT: dout !== undefined }),
    };
  };
  const gradientOp: Op<object> = {
    name: `${name}_grad`,
    rows: ({ inputs: [x] }) => rowsOf(x!.shape, [0, 1]),
    outputs(_, [x, dout]) {
      if (!x || !dout || !sameShape(x.shape, dout.shape))
        throw new ShapeError(
          `${name}_grad`,
          'two tensors of the same shape',
          `[${x?.shape.join(', ')}] and [${dout?.shape.join(', ')}]`,
        );
      return [f32(...x.shape)];
    },
    dispatches: ({ inputs: [x, dout], outputs: [dx] }) => [dispatch(x!, dout!, dx!)],
    cost: ({ inputs: [x] }) => ({ flops: flops.backward * elements(x!.shape) }),
  };
  const gradient = (g: Builder, x: Tensor, dout: Tensor): Tensor => g.apply(gradientOp, {}, [x, dout])[0]!;
  const op: Op<object> = {
    name,
    outputs(_, [x]) {
      if (x?.dtype !== 'f32') throw new ShapeError(name, 'an f32 tensor', x?.dtype ?? 'nothing');
      return [f32(...x.shape)];
    },
    dispatches: ({ inputs: [x], outputs: [out] }) => [dispatch(x!, undefined, out!)],
    cost: ({ inputs: [x] }) => ({ flops: flops.forward * elements(x!.shape) }),
    gradient: ({ inputs: [x], upstream: [dout], builder: g }) => [gradient(g, x!, dout!)],
  };
  return { op, gradientOp, gradient, apply: (g, x) => g.apply(op, {}, [x])[0]! };
}
