import { broadcastShape, collapse, inQuads } from '../elementwise/broadcast.ts';
import { perItem, perTask } from '../grid.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { elements, f32, type Shape, ShapeError, sameShape, type Tensor } from '../tensor.ts';
import expandShader from './expand.wgsl';
import expandVec4Shader from './expand_vec4.wgsl';
import maxShader from './reduce_max.wgsl';
import maxGradShader from './reduce_max_grad.wgsl';
import sumShader from './reduce_sum.wgsl';
import treeShader from './reduce_sum_tree.wgsl';

export interface ReduceAttrs {
  readonly kind: 'sum' | 'mean';
  /** The dimension that goes away. */
  readonly axis: number;
}

const stretch = 4096; // elements of a sum that one workgroup adds up

/** A shape as [outer, length, inner] around `axis`. */
export function around(shape: Shape, axis: number): { outer: number; length: number; inner: number } {
  return {
    outer: elements(shape.slice(0, axis)),
    length: shape[axis]!,
    inner: elements(shape.slice(axis + 1)),
  };
}

/** A pass over sums of `length` elements, cut into stretches. */
type Stretches = Readonly<Record<'length' | 'stretch' | 'stretches' | 'scale', number>>;

const without = (shape: Shape, axis: number) => shape.filter((_, i) => i !== axis);

function checkAxis(op: string, axis: number, shape: Shape | undefined): asserts shape {
  if (!shape || axis < 0 || axis >= shape.length || shape[axis] === 0)
    throw new ShapeError(op, `a dimension ${axis} with elements`, `[${shape?.join(', ')}]`);
}

/** Sum or mean over one dimension, in a fixed order. Variants: `serial` (many short sums), `tree` (few long ones). */
export const reduceOp: Op<ReduceAttrs> = {
  name: 'reduce',
  variants: () => ['serial', 'tree'],
  outputs({ kind, axis }, [x]) {
    checkAxis(kind, axis, x?.shape);
    const { outer, length, inner } = around(x!.shape, axis);
    // The second output is the tree's workspace.
    return [f32(...without(x!.shape, axis)), f32(outer, Math.ceil(length / stretch), inner)];
  },
  dispatches({ attrs: { kind, axis }, inputs: [x], outputs: [out, partial], variant }) {
    const { outer, length, inner } = around(x!.shape, axis);
    const scale = kind === 'mean' ? 1 / length : 1;
    const count = outer * inner;
    if ((variant ?? (length > 256 && count < 1024 ? 'tree' : 'serial')) === 'serial') {
      return [
        {
          shader: sumShader,
          bindings: { x, out },
          uniforms: { outer, length, inner, scale },
          ...perItem(count),
        },
      ];
    }
    const stretches = Math.ceil(length / stretch);
    const pass = (from: Tensor, to: Tensor, sizes: Stretches): Dispatch => ({
      shader: treeShader,
      bindings: { x: from, out: to },
      uniforms: { outer, inner, ...sizes },
      ...perTask(count * sizes.stretches),
    });
    if (stretches === 1) return [pass(x!, out!, { length, stretch: length, stretches, scale })];
    return [
      pass(x!, partial!, { length, stretch, stretches, scale: 1 }),
      pass(partial!, out!, { length: stretches, stretch: stretches, stretches: 1, scale }),
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: elements(x!.shape) }),
  gradient({ attrs: { kind, axis }, inputs: [x], upstream: [dout], builder: g }) {
    const kept = x!.shape.map((n, i) => (i === axis ? 1 : n));
    return [expand(g, g.view(dout!, kept), x!.shape, { scale: kind === 'mean' ? 1 / x!.shape[axis]! : 1 })];
  },
};

export interface ExpandAttrs {
  readonly shape: Shape;
  readonly scale: number;
  readonly offset: number;
}

/** out = scale * x + offset, broadcast to `shape`: the sum's gradient, as a sum is its own. */
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

export interface MaxAttrs {
  readonly axis: number;
}

/** Maximum over one dimension and its index (lowest on ties); the gradient goes to that element only. */
export const maxOp: Op<MaxAttrs> = {
  name: 'max',
  outputs({ axis }, [x]) {
    checkAxis('max', axis, x?.shape);
    const shape = without(x!.shape, axis);
    return [f32(...shape), { shape, dtype: 'i32' }];
  },
  dispatches({ attrs: { axis }, inputs: [x], outputs: [out, argmax] }) {
    const { outer, length, inner } = around(x!.shape, axis);
    return [
      {
        shader: maxShader,
        bindings: { x, out, argmax },
        uniforms: { outer, length, inner },
        ...perTask(outer * inner),
      },
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: elements(x!.shape) }),
  gradient({ attrs, inputs: [x], outputs: [, argmax], upstream: [dout], builder: g }) {
    return g.apply(maxGradOp, { axis: attrs.axis, length: x!.shape[attrs.axis]! }, [dout, argmax]);
  },
};

const maxGradOp: Op<{ axis: number; length: number }> = {
  name: 'max_grad',
  outputs: ({ axis, length }, [dout]) => [
    f32(...dout!.shape.slice(0, axis), length, ...dout!.shape.slice(axis)),
  ],
  dispatches({ attrs: { axis }, inputs: [dout, argmax], outputs: [dx] }) {
    const { outer, length, inner } = around(dx!.shape, axis);
    return [
      {
        shader: maxGradShader,
        bindings: { dout, argmax, dx },
        uniforms: { outer, length, inner },
        ...perItem(elements(dx!.shape)),
      },
    ];
  },
  cost: ({ outputs: [dx] }) => ({ flops: elements(dx!.shape) }),
};

/** Sum or mean over `axis`, which goes away. */
export const reduce = (g: Builder, x: Tensor, attrs: ReduceAttrs): Tensor =>
  g.apply(reduceOp, attrs, [x])[0]!;

/** scale * x + offset, repeated to `shape`. */
export const expand = (g: Builder, x: Tensor, shape: Shape, { scale = 1, offset = 0 } = {}): Tensor =>
  g.apply(expandOp, { shape, scale, offset }, [x])[0]!;

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

/** [maximum, index] over `axis`, which goes away. */
export const max = (g: Builder, x: Tensor, axis: number): [Tensor, Tensor] => {
  const [value, index] = g.apply(maxOp, { axis }, [x]);
  return [value!, index!];
};

/** Sum of all elements, as a scalar. */
export const sumAll = (g: Builder, x: Tensor): Tensor =>
  g.view(reduce(g, g.view(x, [elements(x.shape)]), { kind: 'sum', axis: 0 }), []);
