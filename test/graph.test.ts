import { describe, expect, test } from 'vitest';
import { createDeviceTensor, readDeviceTensor, writeDeviceTensor } from '../src/graph/device-tensor.ts';
import { compile } from '../src/graph/executor.ts';
import { gradient } from '../src/graph/gradient.ts';
import { createGraph, type Graph } from '../src/graph/graph.ts';
import { describePlan, plan } from '../src/graph/plan.ts';
import { adam } from '../src/kernels/adam/adam.ts';
import { add, affine, multiply } from '../src/kernels/elementwise/elementwise.ts';
import { linear } from '../src/kernels/matmul/matmul.ts';
import type { Op } from '../src/kernels/op.ts';
import { sumAll } from '../src/kernels/reduce/reduce.ts';
import { f32, type Tensor } from '../src/kernels/tensor.ts';
import { testGpu } from './gpu.ts';

const gpu = await testGpu();
const run = async (graph: Graph, outputs: Record<string, Tensor>, feeds: Record<string, Float32Array>) => {
  const executable = await compile(gpu, graph, outputs);
  const got = await executable.run(feeds, Object.keys(outputs));
  executable.dispose();
  return got;
};

describe('feeds', () => {
  test('a tensor on the device is copied where the input is, in the order of the calls', async () => {
    const graph = createGraph();
    const doubled = affine(graph, graph.input('x', f32(3)), 2);
    const first = await compile(gpu, graph, { doubled });
    const second = await compile(gpu, graph, { doubled });
    await first.run({ x: Float32Array.of(1, -2, 3) });
    const pending = second.run({ x: first.tensor('doubled') }, ['doubled']);
    await first.run({ x: Float32Array.of(0, 0, 0) }); // overwrites what was copied before
    expect([...(await pending).doubled!]).toEqual([4, -8, 12]);
    await expect(second.run({ x: createDeviceTensor(gpu, 'other', f32(4)) })).rejects.toThrow(
      'input "x": expected f32[3], found f32[4]',
    );
    first.dispose();
    second.dispose();
  });
});

describe('gradient', () => {
  test('a tensor with several uses gets the sum of all contributions', async () => {
    const graph = createGraph();
    const x = graph.input('x', f32(3));
    const y = multiply(graph, x, x); // x^2
    const loss = sumAll(graph, add(graph, multiply(graph, y, x), affine(graph, x, 5))); // x^3 + 5 x
    const [dx, dy] = gradient(graph, loss, [x, y]);
    const got = await run(graph, { dx: dx!, dy: dy! }, { x: Float32Array.of(1, -2, 3) });
    expect([...got.dx!]).toEqual([8, 17, 32]); // 3 x^2 + 5
    expect([...got.dy!]).toEqual([1, -2, 3]); // the loss reads x^2 once, times x
  });

  test('passes through views, and is undefined where the loss does not depend', async () => {
    const graph = createGraph();
    const x = graph.input('x', f32(2, 3));
    const other = graph.input('other', f32(1));
    const weights = graph.constant('w', Float32Array.of(1, 2, 3, 4, 5, 6), [6]);
    const loss = sumAll(graph, multiply(graph, graph.view(x, [6]), weights));
    const [dx, dother] = gradient(graph, loss, [x, other]);
    expect(dx!.shape).toEqual([2, 3]);
    expect(dother).toBeUndefined();
    const got = await run(graph, { dx: dx!, loss }, { x: Float32Array.of(1, 1, 1, 1, 1, 1) });
    expect([...got.loss!]).toEqual([21]);
    expect([...got.dx!]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('builds nothing for frozen weights', () => {
    const graph = createGraph();
    const x = graph.input('x', f32(5, 8));
    const frozen = graph.parameter('frozen', f32(4, 8));
    const loss = sumAll(graph, linear(graph, x, frozen));
    gradient(graph, loss, [x]);
    expect(graph.nodes.some((n) => n.outputs.some((t) => t.shape.join() === '4,8'))).toBe(false);
  });

  test('refuses a loss of several elements, and names an operator without a rule', () => {
    const graph = createGraph();
    const x = graph.input('x', f32(2));
    expect(() => gradient(graph, x, [x])).toThrow(/one element, found \[2\]/);
    const silent: Op<null> = {
      name: 'silent',
      outputs: () => [f32()],
      dispatches: () => [],
      cost: () => ({ flops: 0 }),
    };
    const [y] = graph.apply(silent, null, [x]);
    expect(() => gradient(graph, y!, [x])).toThrow(/silent has no gradient rule/);
  });
});

/** x -> x + 1, n times. */
function chain(n: number, size: number) {
  const graph = createGraph();
  const x = graph.input('x', f32(size));
  let y: Tensor = x;
  for (let i = 0; i < n; i += 1) y = affine(graph, y, 1, 1);
  return { graph, y };
}

describe('plan', () => {
  test('tensors that live at different times share buffers', () => {
    const { graph, y } = chain(20, 1000);
    const { slots, bytes } = plan(graph, { y });
    expect(slots).toHaveLength(2);
    expect(bytes.slots).toBe(2 * 4096);
    expect(bytes.unshared).toBe(20 * 4096);
  });

  test('no two tenants of a buffer live at the same time, and no node reads and writes one buffer', () => {
    const graph = createGraph();
    const x = graph.input('x', f32(64, 64));
    let y: Tensor = x;
    const kept: Tensor[] = [];
    for (let i = 0; i < 12; i += 1) {
      y = multiply(graph, affine(graph, y, 1, 1), i % 3 === 0 ? x : (kept.at(-1) ?? x));
      kept.push(y);
    }
    const loss = sumAll(
      graph,
      kept.reduce((a, b) => add(graph, a, b)),
    );
    const [dx] = gradient(graph, loss, [x]);
    const planned = plan(graph, { dx: dx!, loss });
    const slotOf = new Map(planned.slots.flatMap((slot, i) => slot.storages.map((s) => [s, i] as const)));
    const lastUse = new Map<number, number>();
    planned.nodes.forEach((node, at) => {
      for (const t of node.inputs) if (t) lastUse.set(t.storage, at);
    });
    const tenant = new Map<number, number>();
    planned.nodes.forEach((node, at) => {
      const read = node.inputs.map((t) => t && slotOf.get(t.storage)).filter((s) => s !== undefined);
      for (const t of node.inputs) {
        const slot = t && slotOf.get(t.storage);
        if (slot !== undefined) expect(tenant.get(slot), 'overwritten before its last use').toBe(t!.storage);
      }
      for (const t of node.outputs) {
        const slot = slotOf.get(t.storage)!;
        expect(read).not.toContain(slot);
        const before = tenant.get(slot);
        if (before !== undefined) expect(lastUse.get(before) ?? -1).toBeLessThan(at);
        tenant.set(slot, t.storage);
      }
    });
  });

  test('drops what no output needs', () => {
    const graph = createGraph();
    const x = graph.input('x', f32(4));
    affine(graph, graph.input('unused', f32(1 << 20)), 2);
    const { nodes, leaves } = plan(graph, { y: affine(graph, x, 3) });
    expect(nodes).toHaveLength(1);
    expect(leaves.inputs).toEqual([x.storage]);
  });

  test('the predicted peak is what is allocated', async () => {
    const { graph, y } = chain(5, 100_000);
    const before = gpu.memory.allocated;
    gpu.memory.resetPeak();
    const executable = await compile(gpu, graph, { y });
    await executable.run({ x: new Float32Array(100_000) }, ['y']);
    // Beside the plan: one uniform slot of 256 bytes per dispatch and two placeholders.
    expect(gpu.memory.peak - before).toBe(executable.plan.bytes.total + 256 * executable.dispatches + 512);
    executable.dispose();
    expect(gpu.memory.allocated).toBe(before);
  });

  test('can be printed', () => {
    const { graph, y } = chain(2, 10);
    expect(describePlan(plan(graph, { y }), { nodes: true })).toMatch(
      /expand\s+x\[10\] -> #\d\[10\][\s\S]*peak GPU memory/,
    );
  });
});

describe('executor', () => {
  test('inputs keep their values until they are given again', async () => {
    const graph = createGraph();
    const out = add(graph, graph.input('a', f32(2)), graph.input('b', f32(2)));
    const executable = await compile(gpu, graph, { out });
    await executable.run({ a: Float32Array.of(1, 2), b: Float32Array.of(10, 20) });
    const got = await executable.run({ b: Float32Array.of(100, 200) }, ['out']);
    expect([...got.out!]).toEqual([101, 202]);
    executable.dispose();
  });

  test('an unknown name or a wrong size is said', async () => {
    const { graph, y } = chain(1, 3);
    const executable = await compile(gpu, graph, { y });
    await expect(executable.run({ z: new Float32Array(3) })).rejects.toThrow(/no input named "z".*it has: x/);
    await expect(executable.run({ x: new Float32Array(4) })).rejects.toThrow(/expected f32\[3\], found 4/);
    await expect(executable.run({ x: new Float32Array(3) }, ['w'])).rejects.toThrow(/no output named "w"/);
    executable.dispose();
  });

  test('parameters live outside and are updated in place; many steps allocate nothing', async () => {
    const graph = createGraph();
    const parameter = graph.parameter('p', f32(3));
    const target = graph.input('target', f32(3));
    const schedule = graph.constant('schedule', Float32Array.of(0.1, 1), [2]);
    const difference = add(graph, parameter, affine(graph, target, -1));
    const loss = sumAll(graph, multiply(graph, difference, difference));
    const [derivative] = gradient(graph, loss, [parameter]);
    const m = graph.parameter('m', f32(3));
    const v = graph.parameter('v', f32(3));
    adam(graph, { parameter, gradient: derivative!, m, v, schedule }, { beta1: 0, beta2: 0, epsilon: 1e-8 });
    const outside = [parameter, m, v].map((t) => createDeviceTensor(gpu, 'outside', t));
    const parameters = new Map([parameter, m, v].map((t, i) => [t.storage, outside[i]!]));
    const executable = await compile(gpu, graph, { loss }, { parameters });
    const before = gpu.memory.allocated;
    for (let i = 0; i < 200; i += 1) await executable.run({ target: Float32Array.of(3, -2, 0.5) }, ['loss']);
    expect(gpu.memory.allocated).toBe(before);
    // beta 0: every step moves by 0.1 towards the target.
    const found = await readDeviceTensor(gpu, outside[0]!);
    [3, -2, 0.5].forEach((want, i) => {
      expect(Math.abs(found[i]! - want)).toBeLessThan(0.11);
    });
    writeDeviceTensor(gpu, outside[0]!, Float32Array.of(7, 7, 7));
    expect([...(await readDeviceTensor(gpu, outside[0]!))]).toEqual([7, 7, 7]);
    executable.dispose();
    for (const { buffer } of outside) gpu.memory.free(buffer);
  });

  test('the same work twice gives the same bits', async () => {
    const graph = createGraph();
    const x = graph.input('x', f32(97, 130));
    const loss = sumAll(graph, linear(graph, x, graph.input('w', f32(61, 130))));
    const [dx] = gradient(graph, loss, [x]);
    const feeds = {
      x: Float32Array.from({ length: 97 * 130 }, (_, i) => Math.sin(i)),
      w: Float32Array.from({ length: 61 * 130 }, (_, i) => Math.cos(i)),
    };
    const first = await run(graph, { loss, dx: dx! }, feeds);
    const second = await run(graph, { loss, dx: dx! }, feeds);
    expect(second).toEqual(first);
  });

  test('a run may start before the results of the one before are there, a third may not', async () => {
    const { graph, y } = chain(3, 1000);
    const executable = await compile(gpu, graph, { y });
    const start = (value: number) => executable.run({ x: new Float32Array(1000).fill(value) }, ['y']);
    const order: number[] = [];
    const runs = [10, 20].map((value, i) => start(value).finally(() => order.push(i)));
    await expect(start(30)).rejects.toThrow(/2 runs are under way/);
    const [first, second] = await Promise.all(runs);
    expect([first!.y![999], second!.y![999], order]).toEqual([13, 23, [0, 1]]);
    expect((await start(40)).y![0]).toBe(43);
    executable.dispose();
  });

  test('runs that can be stopped wait for each other: each has its own inputs', async () => {
    const { graph, y } = chain(3, 1000);
    const executable = await compile(gpu, graph, { y });
    const start = (value: number) =>
      executable.run({ x: new Float32Array(1000).fill(value) }, ['y'], { onProgress: () => {} });
    const found = await Promise.all([10, 20, 30].map(start));
    expect(found.map((outputs) => outputs.y![999])).toEqual([13, 23, 33]);
    executable.dispose();
  });

  test('an input that the outputs do not need may be fed; a name that is not in the graph may not, nor a wrong size', async () => {
    const graph = createGraph();
    const x = graph.input('x', f32(4));
    const unused = graph.input('unused', f32(2));
    affine(graph, unused, 2); // and what is made of it
    const executable = await compile(gpu, graph, { y: affine(graph, x, 2) });
    const feeds = { x: Float32Array.of(1, 2, 3, 4) };
    const { y } = await executable.run({ ...feeds, unused: Float32Array.of(1, 1) }, ['y']);
    expect([...y!]).toEqual([2, 4, 6, 8]);
    expect(executable.plan.leaves.inputs).toEqual([x.storage]);
    await expect(executable.run({ ...feeds, other: Float32Array.of(1) }, ['y'])).rejects.toThrow(
      'no input named "other" in this graph; it has: x, unused',
    );
    await expect(executable.run({ ...feeds, unused: Float32Array.of(1) }, ['y'])).rejects.toThrow(
      'input "unused": expected f32[2], found 1 elements',
    );
    expect((await executable.run({}, ['y'])).y).toEqual(y); // and it goes on
    executable.dispose();
  });

  test.skipIf(!gpu.capabilities.timestamps)('a profile has a time for every dispatch', async () => {
    const { graph, y } = chain(4, 1 << 16);
    const executable = await compile(gpu, graph, { y });
    const times = await executable.profile();
    expect(times).toHaveLength(4);
    for (const { op, milliseconds } of times) {
      expect(op).toBe('expand');
      expect(milliseconds).toBeGreaterThan(0);
      expect(milliseconds).toBeLessThan(1000);
    }
    executable.dispose();
  });

  test('guards notice a write outside and a result that is never written', async () => {
    const shader = {
      path: 'test/stray.wgsl',
      code: `@group(0) @binding(0) var<storage, read_write> out: array<f32>;
        @compute @workgroup_size(1) fn main() { out[0] = 1.0; out[4] = 2.0; }`,
      bindings: [{ name: 'out', binding: 0, access: 'read_write' }],
      overrides: [],
      origins: [],
      constants: {},
    };
    const stray: Op<null> = {
      name: 'stray',
      outputs: () => [f32(4)],
      dispatches: ({ outputs: [out] }) => [{ shader, bindings: { out }, workgroups: [1] }],
      cost: () => ({ flops: 0 }),
    };
    const graph = createGraph();
    const [out] = graph.apply(stray, null, []);
    const executable = await compile(gpu, graph, { out: out! }, { guards: true });
    await expect(executable.run({}, ['out'])).rejects.toThrow(
      /wrote 16 bytes from the start of f32\[4\], outside of it/,
    );
    executable.dispose();
  });
});
