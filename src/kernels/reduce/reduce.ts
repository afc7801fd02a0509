import { broadcastShape, collapse, inQuads } from '../elementwise/broadcast.ts';
import { perItem, perTask } from '../grid.ts';
import type { Builder, Dispatch, Op, OpNode } from '../op.ts';
import { elements, f32, type Shape, ShapeError, sameShape, type Tensor } from '../tensor.ts';
import expandShader from './expand.wgsl';
import expandVec4Shader from './expand_vec4.wgsl';
import maxShader from './reduce_max.wgsl';
import maxGradShader from './reduce_max_grad.wgsl';
import sumShader from './reduce_sum.wgsl';
import treeShader from './reduce_sum_tree.wgsl';
import sumVec4Shader from './reduce_sum_vec4.wgsl';

export interface ReduceAttrs {
  readonly kind: 'sum' | 'mean';
  /** The dimension that goes away. */
  readonly axis: number;
  /** Sums of one item, where the results of an item must not depend on how many there are: the kernel is chosen by them. */
  readonly itemSums?: number | undefined;
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

/** Sum or mean over one dimension, in a fixed order, of [x, and what is added to the result]. Variants: `serial` (many short sums), `tree` (few long ones). */
export const reduceOp: Op<ReduceAttrs> = {
  name: 'reduce',
  addend: 1,
  byItems: ({ attrs, outputs: [out] }, items) => ({ ...attrs, itemSums: elements(out!.shape) / items }),
  variants: () => ['serial', 'tree'],
  outputs({ kind, axis }, [x]) {
    checkAxis(kind, axis, x?.shape);
    const { outer, length, inner } = around(x!.shape, axis);
    // The second output is the tree's workspace.
    return [f32(...without(x!.shape, axis)), f32(outer, Math.ceil(length / stretch), inner)];
  },
  dispatches({ attrs, inputs: [x, addend], outputs: [out, partial], variant, capabilities }) {
    const { kind, axis, itemSums } = attrs;
    const { outer, length, inner } = around(x!.shape, axis);
    const scale = kind === 'mean' ? 1 / length : 1;
    const count = outer * inner;
    // A software adapter's lanes go through columns side by side, and barriers cost it more than they save.
    const serial = length <= 256 || (itemSums ?? count) >= 1024 || (capabilities.software && inner >= 64);
    if ((variant ?? (serial ? 'serial' : 'tree')) === 'serial') {
      const width = capabilities.software && inner % 4 === 0 ? 4 : 1;
      return [
        {
          shader: width === 4 ? sumVec4Shader : sumShader,
          bindings: { x, addend, out },
          uniforms: { outer, length, inner: inner / width, scale },
          ...perItem(count / width, { ADDEND: addend !== undefined }),
        },
      ];
    }
    const stretches = Math.ceil(length / stretch);
    const pass = (from: Tensor, to: Tensor, sizes: Stretches): Dispatch => {
      const added = to === out ? addend : undefined;
      return {
        shader: treeShader,
        bindings: { x: from, addend: added, out: to },
        uniforms: { outer, inner, ...sizes },
        ...perTask(count * sizes.stretches, { ADDEND: added !== undefined }),
      };
    };
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
  // One known number, a loss's gradient, say: no work for a GPU.
  fold({ attrs: { scale, offset }, outputs: [out] }, [x]) {
    if (x!.length !== 1 || elements(out!.shape) > 64) return undefined;
    return [new Float32Array(elements(out!.shape)).fill(Math.fround(scale * x![0]!) + offset)];
  },
  gradient({ attrs: { scale }, inputs: [x], upstream: [dout], builder: g }) {
    const dx = sumTo(g, dout!, x!.shape);
    return [scale === 1 ? dx : expand(g, dx, dx.shape, { scale })];
  },
};

/** The factor by which `expand` only multiplies each element; undefined: it does something else. */
export function scaleOf({ attrs, inputs: [x], outputs: [out] }: OpNode): number | undefined {
  const { scale, offset } = attrs as ExpandAttrs;
  return offset === 0 && elements(x!.shape) === elements(out!.shape) ? scale : undefined;
}

export interface MaxAttrs {
  readonly axis: number;
  /** Only this index of the dimension before `axis`, which goes away too. */
  readonly channel?: number;
}

/** Lines of one channel of a shape: [outer, channels, length, inner]. */
function lines(shape: Shape, { axis, channel }: MaxAttrs) {
  const { outer, length, inner } = around(shape, axis);
  const channels = channel === undefined ? 1 : shape[axis - 1]!;
  return { outer: outer / channels, channels, channel: channel ?? 0, length, inner, scale: 1 };
}

/** Maximum over one dimension and its index (lowest on ties); the gradient goes to that element only. */
export const maxOp: Op<MaxAttrs> = {
  name: 'max',
  rows: ({ attrs: { axis, channel }, inputs: [x] }) =>
    axis > (channel === undefined ? 0 : 1) ? { own: [0], count: x!.shape[0]! } : undefined,
  outputs({ axis, channel }, [x]) {
    checkAxis('max', axis, x?.shape);
    if (channel !== undefined && !(axis > 0 && channel < x!.shape[axis - 1]!))
      throw new ShapeError(
        'max',
        `a channel ${channel} before dimension ${axis}`,
        `[${x!.shape.join(', ')}]`,
      );
    const shape = x!.shape.filter((_, i) => i !== axis && (channel === undefined || i !== axis - 1));
    return [f32(...shape), { shape, dtype: 'i32' }];
  },
  dispatches({ attrs, inputs: [x], outputs: [out, argmax] }) {
    const uniforms = lines(x!.shape, attrs);
    return [
      {
        shader: maxShader,
        bindings: { x, out, argmax },
        uniforms,
        ...perTask(uniforms.outer * uniforms.inner),
      },
    ];
  },
  cost: ({ attrs, inputs: [x] }) => ({ flops: elements(x!.shape) / lines(x!.shape, attrs).channels }),
  gradient({ attrs, inputs: [x], outputs: [, argmax], upstream: [dout], builder: g }) {
    return g.apply(maxGradOp, { ...attrs, shape: x!.shape }, [dout, argmax]);
  },
};

/** dx from [d maximum, its index, and what is added to it]. */
const maxGradOp: Op<MaxAttrs & { readonly shape: Shape; readonly scale?: number }> = {
  name: 'max_grad',
  addend: 2,
  after(node, made) {
    const scaled = made(0);
    const factor = scaled?.op === expandOp ? scaleOf(scaled) : undefined;
    if (factor === undefined) return undefined;
    const [dout, ...rest] = node.inputs;
    const attrs = { ...node.attrs, scale: factor * (node.attrs.scale ?? 1) };
    const inputs = [{ ...scaled!.inputs[0]!, shape: dout!.shape }, ...rest];
    return { op: maxGradOp as Op<unknown>, attrs, inputs, outputs: node.outputs };
  },
  rows: ({ attrs: { axis, channel }, inputs: [, , addend], outputs: [dx] }) =>
    axis > (channel === undefined ? 0 : 1)
      ? { own: addend ? [0, 1, 2] : [0, 1], count: dx!.shape[0]! }
      : undefined,
  outputs: ({ shape }) => [f32(...shape)],
  dispatches({ attrs, inputs: [dout, argmax, addend], outputs: [dx] }) {
    return [
      {
        shader: maxGradShader,
        bindings: { dout, argmax, addend, dx },
        uniforms: { ...lines(dx!.shape, attrs), scale: attrs.scale ?? 1 },
        ...perItem(elements(dx!.shape), { ADDEND: addend !== undefined }),
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
  const goes = (axis: number) => x.shape[axis] !== (axis < missing ? 1 : shape[axis - missing]!);
  for (let axis = 0; axis < x.shape.length; axis += 1) {
    if (!goes(axis)) continue;
    let end = axis + 1; // neighbours go together
    while (end < x.shape.length && (goes(end) || x.shape[end] === 1)) end += 1;
    const length = elements(x.shape.slice(axis, end));
    const joined = g.view(sum, [...sum.shape.slice(0, axis), length, ...sum.shape.slice(end)]);
    const kept = sum.shape.map((n, i) => (i >= axis && i < end ? 1 : n));
    sum = g.view(reduce(g, joined, { kind: 'sum', axis }), kept);
    axis = end - 1;
  }
  return sameShape(sum.shape, shape) ? sum : g.view(sum, shape);
}

/** [maximum, index] over `axis`, which goes away, and with it the dimension before where only one `channel` of it counts. */
export const max = (g: Builder, x: Tensor, axis: number, channel?: number): [Tensor, Tensor] => {
  const [value, index] = g.apply(maxOp, channel === undefined ? { axis } : { axis, channel }, [x]);
  return [value!, index!];
};

/** Sum of all elements, as a scalar. */
export const sumAll = (g: Builder, x: Tensor): Tensor =>
  g.view(reduce(g, g.view(x, [elements(x.shape)]), { kind: 'sum', axis: 0 }), []);
