import { constantOf } from '../../gpu/shader.ts';
import { perItem } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { expand, sumTo } from '../reduce/reduce.ts';
import { elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import binaryShader from './binary.wgsl';
import binaryVec4Shader from './binary_vec4.wgsl';
import { broadcastShape, collapse, inQuads } from './broadcast.ts';

export interface BinaryAttrs {
  readonly operation: 'add' | 'subtract' | 'multiply' | 'divide';
}

/** out = a OP b with NumPy's broadcasting. Variants: `vec4` where rows come in fours, `scalar`. */
export const binaryOp: Op<BinaryAttrs> = {
  name: 'elementwise',
  outputs({ operation }, [a, b]) {
    if (a?.dtype !== 'f32' || b?.dtype !== 'f32')
      throw new ShapeError(operation, 'two f32 tensors', 'another type');
    return [f32(...broadcastShape(operation, a.shape, b.shape))];
  },
  variants: () => ['vec4', 'scalar'],
  dispatches({ attrs, inputs: [a, b], outputs: [out], variant }) {
    const collapsed = collapse(attrs.operation, out!.shape, [a!.shape, b!.shape]);
    const { shape, strides } = collapsed;
    const vec4 = variant !== 'scalar' && inQuads(collapsed);
    const count = elements(out!.shape) / (vec4 ? 4 : 1);
    const shader = vec4 ? binaryVec4Shader : binaryShader;
    return [
      {
        shader,
        bindings: { a, b, out },
        uniforms: { count, shape, strides_a: strides[0]!, strides_b: strides[1]! },
        ...perItem(count, { OPERATION: constantOf(shader, attrs.operation.toUpperCase()) }),
      },
    ];
  },
  cost: ({ outputs: [out] }) => ({ flops: elements(out!.shape) }),
  gradient({ attrs: { operation }, inputs, upstream: [dout], needs, builder: g }) {
    const [a, b] = inputs as [Tensor, Tensor];
    const toA = (d: Tensor) => sumTo(g, d, a.shape);
    const toB = (d: Tensor) => sumTo(g, d, b.shape);
    const minus = (d: Tensor) => expand(g, d, d.shape, { scale: -1 });
    switch (operation) {
      case 'add':
        return [needs[0] ? toA(dout!) : undefined, needs[1] ? toB(dout!) : undefined];
      case 'subtract':
        return [needs[0] ? toA(dout!) : undefined, needs[1] ? toB(minus(dout!)) : undefined];
      case 'multiply':
        return [
          needs[0] ? toA(multiply(g, dout!, b)) : undefined,
          needs[1] ? toB(multiply(g, dout!, a)) : undefined,
        ];
      case 'divide':
        return [
          needs[0] ? toA(divide(g, dout!, b)) : undefined,
          needs[1] ? toB(minus(divide(g, multiply(g, dout!, a), multiply(g, b, b)))) : undefined,
        ];
    }
  },
};

const binary = (operation: BinaryAttrs['operation']) => (g: Builder, a: Tensor, b: Tensor) =>
  g.apply(binaryOp, { operation }, [a, b])[0]!;
export const add = binary('add');
export const subtract = binary('subtract');
export const multiply = binary('multiply');
export const divide = binary('divide');

/** scale * x + offset. */
export const affine = (g: Builder, x: Tensor, scale: number, offset = 0): Tensor =>
  expand(g, x, x.shape, { scale, offset });

export { expand, sumTo };
