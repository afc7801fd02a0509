import { constantOf } from '../../gpu/shader.ts';
import { perItem } from '../grid.ts';
import type { Builder, Op, OpNode } from '../op.ts';
import { expand, expandOp, scaleOf, sumTo } from '../reduce/reduce.ts';
import { describe, elements, f32, ShapeError, sameShape, type Tensor } from '../tensor.ts';
import binaryShader from './binary.wgsl';
import binaryVec4Shader from './binary_vec4.wgsl';
import { broadcastShape, collapse, inQuads } from './broadcast.ts';
import combineShader from './combine.wgsl';

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
  adds: ({ attrs: { operation } }) => operation === 'add',
  after(node, made) {
    if (!isSum(node)) return undefined;
    const operands = node.inputs.map((t, i) => {
      const maker = made(i);
      return (maker && termsOf(maker)) ?? [{ tensor: t!, weight: 1 }];
    });
    const terms = operands.flat();
    if (terms.length > mostTerms || operands.every(([term], i) => term!.tensor === node.inputs[i]))
      return undefined;
    return {
      op: combineOp as Op<unknown>,
      attrs: { weights: terms.map(({ weight }) => weight) },
      inputs: terms.map(({ tensor }) => ({ ...tensor, shape: node.outputs[0]!.shape })),
      outputs: node.outputs,
    };
  },
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

/** A sum without broadcasting. */
const isSum = ({
  attrs,
  inputs,
  outputs: [out],
}: Pick<OpNode<BinaryAttrs>, 'attrs' | 'inputs' | 'outputs'>): boolean =>
  attrs.operation === 'add' && inputs.every((t) => elements(t!.shape) === elements(out!.shape));

const mostTerms = 6;

export interface CombineAttrs {
  /** One for each input, of which there are 2 to 6. */
  readonly weights: readonly number[];
}

/** The sum of weight * input, from the first to the last: what sums of sums and of scaled tensors become. */
export const combineOp: Op<CombineAttrs> = {
  name: 'combine',
  outputs({ weights }, inputs) {
    const [first] = inputs;
    if (weights.length !== inputs.length || inputs.length < 2 || inputs.length > mostTerms)
      throw new ShapeError('combine', `2 to ${mostTerms} tensors and as many weights`, `${inputs.length}`);
    for (const t of inputs)
      if (t?.dtype !== 'f32' || !sameShape(t.shape, first!.shape))
        throw new ShapeError('combine', describe(first), describe(t));
    return [f32(...first!.shape)];
  },
  dispatches({ attrs: { weights }, inputs: [x0, x1, x2, x3, x4, x5], outputs: [out] }) {
    const count = elements(out!.shape);
    const all = Array.from({ length: 8 }, (_, i) => weights[i] ?? 0);
    return [
      {
        shader: combineShader,
        bindings: { x0, x1, x2, x3, x4, x5, out },
        uniforms: { count, terms: weights.length, weights: all.slice(0, 4), more_weights: all.slice(4) },
        ...perItem(Math.ceil(count / 4)),
      },
    ];
  },
  cost: ({ inputs, outputs: [out] }) => ({ flops: 2 * inputs.length * elements(out!.shape) }),
};

/** What a node's result is a weighted sum of; undefined: of nothing that `combine` knows. */
function termsOf({ op, attrs, inputs, outputs }: OpNode): { tensor: Tensor; weight: number }[] | undefined {
  if (op === combineOp)
    return inputs.map((tensor, i) => ({ tensor: tensor!, weight: (attrs as CombineAttrs).weights[i]! }));
  if (op === binaryOp && isSum({ attrs: attrs as BinaryAttrs, inputs, outputs }))
    return inputs.map((tensor) => ({ tensor: tensor!, weight: 1 }));
  if (op !== expandOp) return undefined;
  const weight = scaleOf({ op, attrs, inputs, outputs });
  return weight === undefined ? undefined : [{ tensor: inputs[0]!, weight }];
}

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
