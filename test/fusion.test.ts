// Operators take their neighbours' work upon themselves: the results stay, the nodes become fewer.
import { describe, expect, test } from 'vitest';
import {
  createDeviceTensor,
  createPackedTensors,
  type DeviceTensor,
  packedPlaces,
  readDeviceTensor,
} from '../src/graph/device-tensor.ts';
import { compile } from '../src/graph/executor.ts';
import { fuseNodes } from '../src/graph/fusion.ts';
import { gradient } from '../src/graph/gradient.ts';
import { createGraph, type Graph } from '../src/graph/graph.ts';
import { plan } from '../src/graph/plan.ts';
import { adam, adamSchedule } from '../src/kernels/adam/adam.ts';
import { attention } from '../src/kernels/attention/attention.ts';
import { cosinePairs } from '../src/kernels/cosine_pairs/cosine_pairs.ts';
import { add, affine, expand, multiply } from '../src/kernels/elementwise/elementwise.ts';
import { exp } from '../src/kernels/exp/exp.ts';
import { gatherRows } from '../src/kernels/gather/gather.ts';
import { layernorm } from '../src/kernels/layernorm/layernorm.ts';
import { linear, matmul } from '../src/kernels/matmul/matmul.ts';
import { max, reduce, sumAll } from '../src/kernels/reduce/reduce.ts';
import { rowSquares } from '../src/kernels/row_squares/row_squares.ts';
import { concat, slice } from '../src/kernels/slice/slice.ts';
import { softmax } from '../src/kernels/softmax/softmax.ts';
import { elements, f32, type Tensor } from '../src/kernels/tensor.ts';
import { unitMeans } from '../src/kernels/unit_means/unit_means.ts';
import { testGpu } from './gpu.ts';

interface Built {
  readonly graph: Graph;
  readonly outputs: Record<string, Tensor>;
  readonly feeds: Record<string, Float32Array>;
}

/** A graph on inputs of these shapes. */
function build(
  shapes: Record<string, readonly number[]>,
  outputs: (graph: Graph, inputs: Record<string, Tensor>) => Record<string, Tensor>,
): Built {
  const graph = createGraph();
  const feeds: Record<string, Float32Array> = {};
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, shape], seed) => {
      const length = shape.reduce((a, b) => a * b, 1);
      feeds[name] = Float32Array.from({ length }, (_, i) => Math.sin(seed + 1.7 * i * (1 + seed)));
      return [name, graph.input(name, f32(...shape))];
    }),
  );
  return { graph, outputs: outputs(graph, inputs), feeds };
}

const names = ({ graph, outputs }: Built, fuse: boolean): string[] =>
  plan(graph, outputs, { fuse }).nodes.map(({ op }) => op.name);

async function run({ graph, outputs, feeds }: Built, fuse: boolean) {
  const executable = await compile(await testGpu(), graph, outputs, { fuse });
  try {
    return await executable.run(feeds, Object.keys(outputs));
  } finally {
    executable.dispose();
  }
}

/** The same with fusion and without, but for rounding. */
async function expectSame(built: Built) {
  const [apart, fused] = [await run(built, false), await run(built, true)];
  for (const [name, expected] of Object.entries(apart)) {
    const scale = Math.max(...expected.map(Math.abs));
    expect(scale, name).toBeGreaterThan(0);
    const worst = Math.max(...expected.map((value, i) => Math.abs(value - fused[name]![i]!)));
    expect(worst / scale, name).toBeLessThan(2e-6);
  }
}

/** The gradients of the sum of squares of `out`, under the inputs' names. */
function gradients(graph: Graph, out: Tensor, inputs: Record<string, Tensor>): Record<string, Tensor> {
  const found = gradient(graph, sumAll(graph, multiply(graph, out, out)), Object.values(inputs));
  return Object.fromEntries(Object.keys(inputs).map((name, i) => [`d ${name}`, found[i]!]));
}

describe('sums', () => {
  test('of scaled tensors are one pass', async () => {
    const built = build({ a: [3, 7], b: [3, 7], c: [3, 7] }, (g, { a, b, c }) => ({
      y: add(g, add(g, affine(g, a!, 0.5), b!), affine(g, c!, -3)),
    }));
    expect(names(built, false)).toEqual(['expand', 'elementwise', 'expand', 'elementwise']);
    expect(names(built, true)).toEqual(['combine']);
    await expectSame(built);
  });

  test('of more terms than one pass takes are two', async () => {
    const shapes = Object.fromEntries([...'abcdefg'].map((name) => [name, [5]]));
    const built = build(shapes, (g, inputs) => ({
      y: Object.values(inputs).reduce((sum, x) => add(g, sum, x)),
    }));
    expect(names(built, true)).toEqual(['combine', 'elementwise']);
    await expectSame(built);
  });

  test('with broadcasting, or whose parts are read from outside, stay as they are', async () => {
    const built = build({ a: [3, 7], b: [7], c: [3, 7] }, (g, { a, b, c }) => {
      const part = add(g, a!, c!);
      return { part, y: add(g, part, c!), z: add(g, add(g, a!, affine(g, b!, 2)), c!) };
    });
    expect(names(built, true)).toEqual([
      'elementwise',
      'elementwise',
      'expand',
      'elementwise',
      'elementwise',
    ]);
    await expectSame(built);
  });

  test('a product, a reduction, a layer norm, a softmax and a maximum add what else makes up a gradient', async () => {
    const built = build({ x: [2, 4, 8], w: [8, 8], scale: [8], shift: [8] }, (g, { x, w, scale, shift }) => {
      const shared = exp(g, x!);
      const [largest] = max(g, shared, 2, 1); // of one row of each [4, 8]
      const parts = [
        linear(g, shared, w!),
        layernorm(g, shared, { weight: scale!, bias: shift! }),
        softmax(g, shared, { axis: 1 }),
        expand(g, g.view(largest, [2, 1, 1]), [2, 4, 8]),
        expand(g, reduce(g, shared, { kind: 'mean', axis: 0 }), [2, 4, 8]),
      ];
      return gradients(
        g,
        parts.reduce((a, b) => add(g, a, multiply(g, b, b))),
        { x: x! },
      );
    });
    const left = names(built, true);
    for (const op of ['layernorm_grad', 'softmax_grad', 'max_grad']) expect(left).toContain(op);
    const sums = (fuse: boolean) =>
      plan(built.graph, built.outputs, { fuse }).nodes.filter(
        ({ op, attrs }) => op.name === 'elementwise' && (attrs as { operation: string }).operation === 'add',
      ).length;
    expect(sums(true)).toBeLessThanOrEqual(sums(false) - 5);
    await expectSame(built);
  });

  test('unit vectors, cosines and squares of rows do', async () => {
    const built = build({ x: [6, 40], first: [1, 40] }, (g, { x, first }) => {
      const labels = g.constant('labels', Float32Array.of(0, 1, 0, 0, 1, 0), [6]);
      const [a, b] = [exp(g, x!), exp(g, first!)];
      const loss = add(
        g,
        add(g, cosinePairs(g, a), rowSquares(g, a, labels, { scale: 0.5 })),
        sumAll(
          g,
          multiply(
            g,
            unitMeans(g, b, a, { members: 3 }),
            g.constant('v', new Float32Array(160).fill(0.5), [2, 2, 40]),
          ),
        ),
      );
      const more = add(g, loss, sumAll(g, b));
      const [dx, dfirst] = gradient(g, more, [x!, first!]);
      return { dx: dx!, dfirst: dfirst! };
    });
    expect(names(built, true)).not.toContain('elementwise add');
    expect(names(built, true).length).toBeLessThan(names(built, false).length);
    await expectSame(built);
  });
});

test('the slope of an activation is part of the product that makes its gradient', async () => {
  const built = build({ x: [5, 12], up: [16, 12], down: [7, 16] }, (g, { x, up, down }) => {
    const of = (activation: 'quickgelu' | 'relu') =>
      linear(g, linear(g, x!, up!, { activation, saveForBackward: true }), down!);
    return gradients(g, concat(g, [of('quickgelu'), of('relu')], 0), { x: x!, up: up!, down: down! });
  });
  expect(names(built, false)).toContain('quickgelu_grad');
  expect(names(built, false)).toContain('relu_grad');
  expect(names(built, true)).not.toContain('quickgelu_grad');
  expect(names(built, true)).not.toContain('relu_grad');
  await expectSame(built);
});

test('a factor before or behind a product becomes its own', async () => {
  const built = build({ a: [3, 5], b: [5, 9] }, (g, { a, b }) => ({
    y: affine(g, matmul(g, affine(g, a!, 0.5), b!, { scale: 3 }), -2),
    z: affine(g, matmul(g, a!, b!), 2, 1), // an offset, too: it stays
  }));
  expect(names(built, true)).toEqual(['matmul', 'matmul', 'expand']);
  await expectSame(built);
});

test('parts side by side, repeated ones and what is added to them are written in one dispatch', async () => {
  const built = build({ own: [6, 2, 8], tail: [1, 3, 8], table: [99, 8] }, (g, { own, tail, table }) => {
    const rows = concat(g, [own!, expand(g, tail!, [6, 3, 8])], 1);
    return { y: add(g, rows, slice(g, table!, { axis: 0, start: 8, end: 13 })) };
  });
  expect(names(built, false)).toEqual(['expand', 'concat', 'slice', 'elementwise']);
  expect(names(built, true)).toEqual(['join']); // the slice begins at byte 256 of the table
  await expectSame(built);
});

test('a slice that may not be bound where it begins is copied', async () => {
  const built = build({ table: [99, 8], x: [5, 8] }, (g, { table, x }) => ({
    y: multiply(g, x!, slice(g, table!, { axis: 0, start: 7, end: 12 })),
    z: slice(g, table!, { axis: 0, start: 8, end: 9 }), // read from outside: it needs a buffer of its own
  }));
  expect(names(built, true)).toEqual(['slice', 'elementwise', 'slice']);
  await expectSame(built);
});

test('more parts than one dispatch takes are copied one by one', async () => {
  const built = build(Object.fromEntries([...'abcde'].map((name) => [name, [2, 3]])), (g, inputs) => ({
    y: concat(g, Object.values(inputs), 1),
  }));
  expect(names(built, true)).toEqual(['concat']);
  await expectSame(built);
});

describe('groups of prompts behind one prefix', () => {
  const built = () =>
    build({ large: [32, 6, 48], small: [8, 6, 48], own: [1, 9, 48] }, (g, { large, small, own }) => {
      const zero = g.constant('zero', new Float32Array(1), [1]);
      // Both sequences' rows come from one product, as q, k and v do; the larger group needs what the small one gave.
      const weight = g.constant(
        'weight',
        Float32Array.from({ length: 48 * 48 }, (_, i) => Math.sin(i) / 7),
        [48, 48],
      );
      const out = g.constant(
        'out',
        Float32Array.from({ length: 16 * 16 }, (_, i) => Math.cos(i) / 4),
        [16, 16],
      );
      const qkv = (x: Tensor) => linear(g, add(g, x, zero), weight);
      const normal = qkv(own!);
      const prompts = { heads: 1, causal: true, prefix: normal, prefixLength: 6 };
      const ends = [attention(g, normal, { heads: 1, causal: true }), attention(g, qkv(small!), prompts)].map(
        (x) => linear(g, x, out),
      );
      // A choice, which has no gradient: backward nothing waits for anything.
      const [, chosen] = max(g, g.view(ends[1]!, [1, 768]), 1);
      const table = g.constant(
        'table',
        Float32Array.from({ length: 768 * 48 }, (_, i) => Math.cos(i)),
        [1, 768, 48],
      );
      const shift = expand(g, gatherRows(g, table, g.view(chosen, [1, 1])), [32, 6, 48]);
      ends.push(linear(g, attention(g, qkv(add(g, large!, shift)), prompts), out));
      const loss = ends.map((out) => sumAll(g, multiply(g, out, out))).reduce((x, y) => add(g, x, y));
      const [dLarge, dSmall, dOwn] = gradient(g, loss, [large!, small!, own!]).map((d) => affine(g, d!, 1));
      return { loss, dLarge: dLarge!, dSmall: dSmall!, dOwn: dOwn! };
    });
  const count = (batch: boolean, fuse: boolean, name: string) =>
    plan(built().graph, built().outputs, { batch, fuse }).nodes.filter(({ op }) => op.name === name).length;

  test('one gradient for all sequences, one sum for the prefix', () => {
    expect(count(false, false, 'attention_grad')).toBe(3);
    expect(count(true, true, 'attention_grad')).toBe(1);
    expect(count(false, false, 'attention_prefix_sum')).toBe(2);
    expect(count(false, true, 'attention_prefix_sum')).toBe(1);
    expect(count(false, false, 'attention')).toBe(3);
    expect(count(true, true, 'attention')).toBe(2);
  });

  test.each(['sequence', 'direct', undefined])('with the same results: %s', async (variant) => {
    const { graph, outputs, feeds } = built();
    const results = async (on: boolean) => {
      const variants = variant ? { variants: { attention: variant, attention_grad: variant } } : {};
      const executable = await compile(await testGpu(), graph, outputs, { batch: on, fuse: on, ...variants });
      const found = await executable.run(feeds, Object.keys(outputs));
      expect(await executable.run(feeds, Object.keys(outputs))).toEqual(found); // the same bits twice
      executable.dispose();
      return found;
    };
    const [apart, together] = [await results(false), await results(true)];
    for (const [name, expected] of Object.entries(apart)) {
      const scale = Math.max(...expected.map(Math.abs));
      const worst = Math.max(...expected.map((value, i) => Math.abs(value - together[name]![i]!)));
      expect(worst / scale, name).toBeLessThan(5e-6);
    }
  });
});

describe('what is computed twice', () => {
  test('is computed once', async () => {
    const built = build({ x: [4, 5] }, (g, { x }) => {
      const part = () => slice(g, x!, { axis: 1, start: 1, end: 3 });
      return { y: multiply(g, part(), part()), z: part() };
    });
    expect(names(built, true)).toEqual(['slice', 'elementwise', 'slice']); // z is read from outside
    await expectSame(built);
  });

  test('but not across an update in place', async () => {
    const gpu = await testGpu();
    const g = createGraph();
    const state = Object.fromEntries(['p', 'm', 'v'].map((name) => [name, g.parameter(name, f32(4))]));
    const before = exp(g, state.p!);
    const attrs = { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
    const one = g.constant('gradient', new Float32Array(4).fill(1), [4]);
    const schedule = g.constant('schedule', adamSchedule({ lr: 0.1, ...attrs }, 1), [2]);
    adam(g, { parameter: state.p!, m: state.m!, v: state.v!, gradient: one, schedule }, attrs);
    const after = exp(g, state.p!);
    const change = add(g, affine(g, before, -1), after);
    const tensors = Object.values(state).map(
      (t) => [t.storage, createDeviceTensor(gpu, 'state', f32(4))] as const,
    );
    const executable = await compile(gpu, g, { change }, { parameters: new Map(tensors) });
    try {
      const { change: found } = await executable.run({}, ['change']);
      expect(found![0]).toBeCloseTo(Math.exp(-0.1) - 1, 5);
      expect((await readDeviceTensor(gpu, tensors[0]![1]))[0]).toBeCloseTo(-0.1, 5);
    } finally {
      executable.dispose();
      for (const [, { buffer }] of tensors) gpu.memory.free(buffer);
    }
  });
});

test('nothing that runs once only is taken into every run', () => {
  const built = build({ x: [4, 4] }, (g, { x }) => {
    const weight = g.parameter('w', f32(4, 4));
    return { y: add(g, exp(g, x!), matmul(g, weight, weight)) };
  });
  const fused = (fixed: boolean) =>
    fuseNodes(
      built.graph.nodes,
      new Set([built.outputs.y!.storage]),
      ({ op }) => fixed && op.name === 'matmul',
    );
  expect(fused(false).map(({ op }) => op.name)).toEqual(['exp', 'matmul']);
  expect(fused(true).map(({ op }) => op.name)).toEqual(['exp', 'matmul', 'elementwise']);
});

describe('updates of parameters that lie one behind the other', () => {
  const shapes = new Map([
    ['a', f32(3, 5)],
    ['b', f32(70)],
    ['c', f32(2, 2)],
    ['d', f32(64, 3)],
  ]);
  const attrs = { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
  const values = (seed: number, length: number) =>
    Float32Array.from({ length }, (_, i) => Math.sin(seed + 1.3 * i));

  /** Two steps; the parameters then, and how many nodes update. */
  async function train(fuse: boolean, readLate = false) {
    const gpu = await testGpu();
    const g = createGraph();
    const x = g.input('x', f32(1));
    const schedule = g.constant('schedule', adamSchedule({ lr: 0.1, ...attrs }, 1), [2]);
    const bound = new Map<number, DeviceTensor>();
    const tensors = ['parameters', 'm', 'v'].map((part) =>
      createPackedTensors(gpu, part, shapes, (name) =>
        part === 'parameters' ? values(name.charCodeAt(0), elements(shapes.get(name)!.shape)) : undefined,
      ),
    );
    const leaves = new Map(
      [...shapes].map(([name, spec]) => {
        const state = tensors.map((part, i) => {
          const tensor = g.parameter(`${name} ${i}`, spec);
          bound.set(tensor.storage, part.get(name)!);
          return tensor;
        });
        return [name, state] as const;
      }),
    );
    const loss = [...leaves.values()].reduce<Tensor>(
      (sum, [p], i) => {
        const term = sumAll(g, exp(g, affine(g, p!, 0.1 * (i + 1))));
        return add(g, sum, term);
      },
      sumAll(g, x),
    );
    const found = gradient(
      g,
      loss,
      [...leaves.values()].map(([p]) => p!),
    );
    let late = {};
    [...leaves.values()].forEach(([parameter, m, v], i) => {
      adam(g, { parameter: parameter!, m: m!, v: v!, gradient: found[i]!, schedule }, attrs);
      if (readLate && i === 1) late = { late: exp(g, parameter!) };
    });
    const outputs = { loss, ...late };
    const executable = await compile(gpu, g, outputs, { parameters: bound, fuse });
    try {
      for (let i = 0; i < 2; i += 1) await executable.run({ x: Float32Array.of(1) }, ['loss']);
      const parameters: number[][] = [];
      for (const tensor of tensors[0]!.values()) parameters.push([...(await readDeviceTensor(gpu, tensor))]);
      return { parameters, updates: executable.plan.nodes.filter(({ op }) => op.name === 'adam').length };
    } finally {
      executable.dispose();
      for (const part of tensors)
        for (const buffer of new Set([...part.values()].map((t) => t.buffer))) gpu.memory.free(buffer);
    }
  }

  test('are one dispatch, with the same results', async () => {
    const [apart, together] = [await train(false), await train(true)];
    expect([apart.updates, together.updates]).toEqual([4, 1]);
    expect(together.parameters).toEqual(apart.parameters);
    expect(together.parameters[1]![0]).not.toBeCloseTo(values('b'.charCodeAt(0), 1)[0]!, 2);
  });

  test('stay apart where somebody reads a parameter behind its update', async () => {
    expect((await train(true, true)).updates).toBeGreaterThan(1);
  });

  test('tensors are packed up to 64 MiB a buffer', () => {
    const large = f32(10, 2 ** 20); // 40 MiB
    const places = packedPlaces(
      new Map([
        ['a', f32(3)],
        ['b', large],
        ['c', large],
        ['d', f32(1)],
      ]),
    );
    expect([...places.values()]).toEqual([
      { pack: 0, offset: 0 },
      { pack: 0, offset: 256 },
      { pack: 1, offset: 0 },
      { pack: 1, offset: 40 * 2 ** 20 },
    ]);
  });
});
