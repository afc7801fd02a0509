import { constantOf } from '../../gpu/shader.ts';
import { perItem } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { reduce } from '../reduce/reduce.ts';
import { elements, f32, type Shape, ShapeError, sameShape, type Tensor } from '../tensor.ts';
import binaryShader from './binary.wgsl';
import binaryVec4Shader from './binary_vec4.wgsl';
import { broadcastShape, collapse, inQuads } from './broadcast.ts';
import expandShader from './expand.wgsl';
import expandVec4Shader from './expand_vec4.wgsl';

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

export interface ExpandAttrs {
  readonly shape: Shape;
  readonly scale: number;
  readonly offset: number;
}

/** out = scale * x + offset, broadcast to `shape`. */
export const expandOp: Op<ExpandAttrs> = {
  name: 'expand',
  outputs({ shape }, [x]) {
    if (x?.dtype !== 'f32' || !sameShape(broadcastShape('expand', x.shape, shape), shape)) {
      throw new ShapeError(
        'expand',
        `an f32 tensor that broadcasts to [${shape.join(', ')}]`,
        `[${x?.shape.join(', ')}]`,
      );
    }
    return [f32(...shape)];
  },
  variants: () => ['vec4', 'scalar'],
  dispatches({ attrs: { scale, offset }, inputs: [x], outputs: [out], variant }) {
    const collapsed = collapse('expand', out!.shape, [x!.shape]);
    const { shape, strides } = collapsed;
    const vec4 = variant !== 'scalar' && inQuads(collapsed);
    const count = elements(out!.shape) / (vec4 ? 4 : 1);
    return [
      {
        shader: vec4 ? expandVec4Shader : expandShader,
        bindings: { x, out },
        uniforms: { count, scale, offset, shape, strides: strides[0]! },
        ...perItem(count),
      },
    ];
  },
  cost: ({ outputs: [out] }) => ({ flops: 2 * elements(out!.shape) }),
  gradient({ attrs: { scale }, inputs: [x], upstream: [dout], builder: g }) {
    const dx = sumTo(g, dout!, x!.shape);
    return [scale === 1 ? dx : expand(g, dx, dx.shape, { scale })];
  },
};

const binary = (operation: BinaryAttrs['operation']) => (g: Builder, a: Tensor, b: Tensor) =>
  g.apply(binaryOp, { operation }, [a, b])[0]!;
export const add = binary('add');
export const subtract = binary('subtract');
export const multiply = binary('multiply');
export const divide = binary('divide');

/** scale * x + offset, repeated to `shape`. */
export const expand = (g: Builder, x: Tensor, shape: Shape, { scale = 1, offset = 0 } = {}): Tensor =>
  g.apply(expandOp, { shape, scale, offset }, [x])[0]!;

/** scale * x + offset. */
export const affine = (g: Builder, x: Tensor, scale: number, offset = 0): Tensor =>
  expand(g, x, x.shape, { scale, offset });

/** The transpose of broadcasting: sums `x` over the dimensions along which `shape` was repeated. */
export function sumTo(g: Builder, x: Tensor, shape: Shape): Tensor {
  let sum = x;
  const missing = x.shape.length - shape.length;
  for (let axis = 0; axis < x.shape.length; axis += 1) {
    const target = axis < missing ? 1 : shape[axis - missing]!;
    if (sum.shape[axis] === target) continue;
    const kept = sum.shape.map((n, i) => (i === axis ? 1 : n));
    sum = g.view(reduce(g, sum, { kind: 'sum', axis }), kept);
  }
  return sameShape(sum.shape, shape) ? sum : g.view(sum, shape);
}
