import { expect, test } from 'vitest';
import { createDeviceTensor, writeDeviceTensor } from '../src/graph/device-tensor.ts';
import { compile } from '../src/graph/executor.ts';
import { gradient } from '../src/graph/gradient.ts';
import { createGraph, type Graph } from '../src/graph/graph.ts';
import { plan } from '../src/graph/plan.ts';
import { add, affine } from '../src/kernels/elementwise/elementwise.ts';
import { layernorm } from '../src/kernels/layernorm/layernorm.ts';
import { linear } from '../src/kernels/matmul/matmul.ts';
import { sumAll } from '../src/kernels/reduce/reduce.ts';
import { replaceRows } from '../src/kernels/replace_rows/replace_rows.ts';
import { f32, type Tensor } from '../src/kernels/tensor.ts';
import { testGpu } from './gpu.ts';

const values = (length: number, seed: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin(seed + 1.7 * i * (1 + seed)));

interface Built {
  readonly graph: Graph;
  readonly outputs: Record<string, Tensor>;
  readonly feeds: Record<string, Float32Array>;
}

/**
 * Two layers of residual blocks, which a stream of 3 x 5 rows and one of 1 x 4 rows go through apart; tokens replace rows
 * of the second stream between the layers. The loss of the first stream hangs on what the second one gave.
 */
function twoStreams(width: number, replaced = { start: 1, count: 2, first: 1 }): Built {
  const graph = createGraph();
  const feeds: Record<string, Float32Array> = {};
  const input = (name: string, ...shape: number[]) => {
    feeds[name] = values(
      shape.reduce((a, b) => a * b, 1),
      Object.keys(feeds).length,
    );
    return graph.input(name, f32(...shape));
  };
  const weights = [0, 1].map((i) => ({
    norm: input(`norm ${i}`, width),
    bias: input(`bias ${i}`, width),
    up: input(`up ${i}`, 2 * width, width),
    down: input(`down ${i}`, width, 2 * width),
  }));
  const block = (x: Tensor, i: number) => {
    const { norm, bias, up, down } = weights[i]!;
    const hidden = linear(graph, layernorm(graph, x, { weight: norm, bias }), up, {
      activation: 'quickgelu',
      saveForBackward: true,
    });
    return linear(graph, hidden, down, { residual: x });
  };
  const small = input('small', 1, 4, width);
  const large = input('large', 3, 5, width);
  const tokens = input('tokens', 3, width);
  const zero = graph.constant('zero', new Float32Array(1), [1]);
  const first = block(add(graph, small, zero), 0);
  const between = block(add(graph, large, zero), 0);
  const last = block(replaceRows(graph, first, tokens, replaced), 1);
  const end = block(between, 1);
  const loss = add(
    graph,
    sumAll(graph, last),
    sumAll(graph, add(graph, end, graph.view(sumAll(graph, last), [1]))),
  );
  // Copies: what is read from outside has a buffer of its own.
  const [dSmall, dLarge, dTokens] = gradient(graph, loss, [small, large, tokens]).map((d) =>
    affine(graph, d!, 1),
  );
  return { graph, outputs: { loss, dSmall: dSmall!, dLarge: dLarge!, dTokens: dTokens! }, feeds };
}

async function run({ graph, outputs, feeds }: Built, batch: boolean, variants = {}) {
  const executable = await compile(await testGpu(), graph, outputs, { batch, variants });
  try {
    return await executable.run(feeds, Object.keys(outputs));
  } finally {
    executable.dispose();
  }
}

const count = ({ graph, outputs }: Built, batch: boolean, name: string) =>
  plan(graph, outputs, { batch }).nodes.filter(({ op }) => op.name.replace('_replaced', '') === name).length;

test('streams that share their weights go through them together, forward and backward', async () => {
  const built = twoStreams(64);
  expect(count(built, false, 'layernorm')).toBe(4);
  expect(count(built, true, 'layernorm')).toBe(2);
  expect(count(built, true, 'layernorm_grad')).toBe(2);
  expect(count(built, false, 'matmul')).toBe(16);
  expect(count(built, true, 'matmul')).toBe(8);
  const [alone, together] = [await run(built, false), await run(built, true)];
  for (const [name, expected] of Object.entries(alone)) {
    const scale = Math.max(...expected.map(Math.abs));
    const worst = Math.max(...expected.map((value, i) => Math.abs(value - together[name]![i]!)));
    expect(worst / scale, name).toBeLessThan(1e-6);
  }
});

test('rows are replaced in place, and nothing is copied, where nobody else needs them', () => {
  const { nodes } = plan(twoStreams(64).graph, twoStreams(64).outputs, { batch: true, fuse: false });
  expect(nodes.filter(({ op }) => op.name.startsWith('replace_rows')).every(({ inPlace }) => inPlace)).toBe(
    true,
  );
});

test.each(['wide', 'serial'])('rows are replaced and taken by the layer norm beside: %s', async (variant) => {
  const built = twoStreams(64, { start: 1, count: 3, first: 0 });
  const names = plan(built.graph, built.outputs, { batch: true }).nodes.map(({ op }) => op.name);
  expect(names).toEqual(expect.arrayContaining(['layernorm_replaced', 'layernorm_replaced_grad']));
  expect(names.filter((name) => name.startsWith('replace_rows'))).toEqual([]);
  // Tokens that replaced nothing have a gradient of zeros, which the layer norm does not write.
  const some = twoStreams(64);
  expect(plan(some.graph, some.outputs, { batch: true }).nodes.map(({ op }) => op.name)).toContain(
    'replace_rows_grad',
  );
  const forced = { layernorm_replaced: variant, layernorm_replaced_grad: variant };
  const [alone, together] = [await run(built, false), await run(built, true, forced)];
  for (const [name, expected] of Object.entries(alone)) {
    const scale = Math.max(...expected.map(Math.abs));
    const worst = Math.max(...expected.map((value, i) => Math.abs(value - together[name]![i]!)));
    expect(worst / scale, name).toBeLessThan(3e-6);
  }
});

test('a tensor that is read from outside keeps a buffer of its own, with the values it had', async () => {
  const built = twoStreams(64);
  const replaced = built.graph.nodes.find(({ op }) => op.name === 'replace_rows')!;
  const before = replaced.inputs[0]!;
  const outputs = { ...built.outputs, before };
  const [alone, together] = [await run({ ...built, outputs }, false), await run({ ...built, outputs }, true)];
  expect(plan(built.graph, outputs, { batch: true }).places.has(before.storage)).toBe(false);
  expect([...together.before!]).toEqual([...alone.before!]);
});

test('rows that would begin at odd places are left apart, with the same results', async () => {
  const built = twoStreams(20);
  expect(count(built, true, 'layernorm_grad')).toBeGreaterThan(2);
  const [alone, together] = [await run(built, false), await run(built, true)];
  for (const [name, expected] of Object.entries(alone)) {
    const scale = Math.max(...expected.map(Math.abs));
    expected.forEach((value, i) => {
      expect(Math.abs(value - together[name]![i]!) / scale).toBeLessThan(1e-6);
    });
  }
});

test('with fixed parameters, what depends on no input is computed once and kept', async () => {
  const gpu = await testGpu();
  const graph = createGraph();
  const weight = graph.parameter('weight', f32(8, 8));
  const x = graph.input('x', f32(3, 8));
  const start = graph.constant('start', values(24, 3), [3, 8]);
  // Two fixed products, whose second one every run reads, then two that depend on the input.
  const fixed = linear(graph, linear(graph, start, weight), weight);
  const y = add(graph, linear(graph, linear(graph, x, weight), weight), fixed);
  const tensor = createDeviceTensor(gpu, 'weight', f32(8, 8), values(64, 1));
  const compiled = (fixedParameters: boolean) =>
    compile(
      gpu,
      graph,
      { y },
      { parameters: new Map([[weight.storage, tensor]]), fixedParameters, batch: true },
    );
  const [every, once] = [await compiled(false), await compiled(true)];
  try {
    expect(every.plan.once.nodes).toBe(0);
    expect(once.plan.once.nodes).toBe(2);
    for (let i = 0; i < 3; i += 1) {
      const feeds = { x: values(24, 5 + i) };
      expect([...(await once.run(feeds, ['y'])).y!]).toEqual([...(await every.run(feeds, ['y'])).y!]);
    }
    writeDeviceTensor(gpu, tensor, new Float32Array(64));
    const kept = (await once.run({ x: values(24, 9) }, ['y'])).y!;
    expect(kept.some((value) => value !== 0)).toBe(true);
  } finally {
    every.dispose();
    once.dispose();
    gpu.memory.free(tensor.buffer);
  }
});
