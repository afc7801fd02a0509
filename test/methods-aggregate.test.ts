// What stands for the K abnormality prompts, forward and backward, against float64 written straight from the definition.
import { describe, expect, test } from 'vitest';
import { createDeviceTensor } from '../src/graph/device-tensor.ts';
import { compile } from '../src/graph/executor.ts';
import { gradient } from '../src/graph/gradient.ts';
import { multiply } from '../src/kernels/elementwise/elementwise.ts';
import { sumAll } from '../src/kernels/reduce/reduce.ts';
import { f32, type Shape } from '../src/kernels/tensor.ts';
import { createModelGraph } from '../src/model/context.ts';
import { prototypes } from '../src/model/faprompt/prompts.ts';
import { probabilities } from '../src/model/faprompt/similarity.ts';
import { compare, numbers } from '../testing/op-check.ts';
import { testGpu } from './gpu.ts';

const images = 2;
const prompts = 3;
const patches = 5;
const width = 4;
const temperature = 0.5;

type Rows = readonly (readonly number[])[];
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const unit = (a: readonly number[]) => a.map((x) => x / Math.sqrt(dot(a, a)));
const rows = (flat: ArrayLike<number>, length: number): Rows =>
  Array.from({ length: flat.length / length }, (_, i) =>
    Array.from({ length }, (__, j) => flat[i * length + j]!),
  );

interface Values {
  readonly normal: number[];
  readonly abnormal: number[];
  readonly weights: number[];
  readonly features: number[];
}

/** Probabilities [B, 2, n]. */
function reference(aggregate: 'mean' | 'best' | 'weighted', values: Values): number[] {
  return Array.from({ length: images }, (_, image) => {
    const all = rows(values.abnormal, width).slice(image * prompts, (image + 1) * prompts);
    const weights = rows(values.weights, prompts)[image]!;
    const mean = (w: (k: number) => number) =>
      all[0]!.map((__, i) => all.reduce((sum, row, k) => sum + w(k) * row[i]!, 0));
    const own = {
      mean: () => [mean(() => 1 / prompts)],
      weighted: () => [mean((k) => weights[k]!)],
      best: () => all,
    }[aggregate]();
    const pairs = rows(values.features, width)
      .slice(image * patches, (image + 1) * patches)
      .map((patch) => {
        const n = dot(unit(values.normal), patch);
        const a = Math.max(...own.map((text) => dot(unit(text), patch)));
        const p = 1 / (1 + Math.exp((n - a) / temperature));
        return [1 - p, p];
      });
    return [0, 1].flatMap((channel) => pairs.map((pair) => pair[channel]!));
  }).flat();
}

describe.each(['mean', 'best', 'weighted'] as const)('%s', (aggregate) => {
  test('probabilities and gradients equal those in float64', async () => {
    const gpu = await testGpu();
    const { normal: random } = numbers(7);
    const draw = (count: number) => Array.from({ length: count }, () => Math.fround(random()));
    const values: Values = {
      normal: draw(width),
      abnormal: draw(images * prompts * width),
      weights: draw(images * prompts).map((x) => Math.fround(Math.abs(x) + 0.1)),
      features: rows(draw(images * patches * width), width).flatMap((row) => unit(row).map(Math.fround)),
    };
    const upstream = draw(images * 2 * patches);

    const model = createModelGraph(() => undefined, { training: true });
    const { graph } = model;
    const parameter = (name: keyof Values, ...shape: Shape) => graph.parameter(name, f32(...shape));
    const normal = parameter('normal', 1, width);
    const abnormal = parameter('abnormal', images * prompts, width);
    const weights = parameter('weights', images, prompts);
    const features = parameter('features', images, patches, width);
    const text = prototypes(
      model,
      { normal, abnormal },
      { prompts, aggregate },
      aggregate === 'weighted' ? weights : undefined,
    );
    const p = probabilities(model, features, text, temperature);
    const loss = sumAll(
      graph,
      multiply(graph, p, graph.constant('upstream', Float32Array.from(upstream), p.shape)),
    );
    const wrt = { normal, abnormal, features, ...(aggregate === 'weighted' ? { weights } : {}) };
    const derivatives = gradient(graph, loss, Object.values(wrt));
    const outputs = Object.fromEntries(Object.keys(wrt).map((name, i) => [name, derivatives[i]!]));
    const made = Object.entries({ normal, abnormal, weights, features }).map(([name, tensor]) => {
      const held = createDeviceTensor(gpu, name, tensor, Float32Array.from(values[name as keyof Values]));
      return [tensor.storage, held] as const;
    });
    const executable = await compile(gpu, graph, { p, ...outputs }, { parameters: new Map(made) });
    const got = await executable.run({}, ['p', ...Object.keys(outputs)]);

    expect(compare('p', got.p!, reference(aggregate, values)).error).toBeLessThan(2e-6);
    for (const name of Object.keys(wrt) as (keyof Values)[]) {
      const total = (change: number, at: number) => {
        const moved = { ...values, [name]: values[name].map((x, i) => (i === at ? x + change : x)) };
        return dot(reference(aggregate, moved), upstream);
      };
      const step = 1e-6;
      const expected = values[name].map((_, i) => (total(step, i) - total(-step, i)) / (2 * step));
      const { error, scale } = compare(name, got[name]!, expected);
      expect(error, name).toBeLessThan(2e-5 * scale);
    }
    executable.dispose();
    for (const [, { buffer }] of made) gpu.memory.free(buffer);
  });
});
