import { expect, test } from 'vitest';
import { compile } from '../src/graph/executor.ts';
import { f32 } from '../src/kernels/tensor.ts';
import { clipTensorShapes } from '../src/model/clip/config.ts';
import { randomClipWeights } from '../src/model/clip/random.ts';
import { createModelGraph } from '../src/model/context.ts';
import { drawBatch } from '../src/train/pretrain/batch.ts';
import { pretrainLosses } from '../src/train/pretrain/objective.ts';
import { buildPretrainStep } from '../src/train/pretrain/step.ts';
import { createTrainingState } from '../src/train/step.ts';
import { compare, numbers } from '../testing/op-check.ts';
import { forward64, forward64With, gradients64 } from './float64.ts';
import { testGpu } from './gpu.ts';
import { tinyPretraining } from './pretrain-fixtures.ts';

const gpu = await testGpu();
const settings = tinyPretraining;
const shapes = clipTensorShapes(settings.config);
// Random biases and norms as well: zeros and ones would hide a missing term. A mild temperature keeps logits apart.
const weights = new Map(
  [...randomClipWeights(settings.config, 3)].map(([name, { data }]) => [
    name,
    name === 'logit_scale' ? Float32Array.of(Math.log(5)) : (data as Float32Array),
  ]),
);
const batch = await drawBatch(settings, 1);

/** The loss in float64, and its gradient by weight. */
function reference(): {
  graph: ReturnType<typeof graphOf>;
  values: ReadonlyMap<number, Float64Array>;
  gradients: Map<string, Float64Array>;
  loss: number;
} {
  const graph = graphOf();
  const values = forward64(graph.model.graph, graph.leaves(weights));
  const found = gradients64(graph.model.graph, values, graph.total);
  return {
    graph,
    values,
    loss: values.get(graph.total.storage)![0]!,
    gradients: new Map([...graph.model.weights].map(([name, { storage }]) => [name, found.get(storage)!])),
  };
}

function graphOf() {
  const model = createModelGraph((name) => f32(...shapes.get(name)!), { training: true });
  const { total } = pretrainLosses(model, settings);
  const inputs = new Map(
    [...model.graph.leaves].flatMap(([storage, { kind, name }]) =>
      kind === 'input' ? [[storage, batch[name as keyof typeof batch]] as const] : [],
    ),
  );
  const leaves = (of: ReadonlyMap<string, ArrayLike<number>>) =>
    new Map<number, ArrayLike<number>>([
      ...inputs,
      ...[...model.weights].map(([name, { storage }]) => [storage, of.get(name)!] as const),
    ]);
  return { model, total, leaves };
}

const { graph, values, loss, gradients } = reference();

test('the gradient of every weight of both towers is the float64 reference', async () => {
  const step = buildPretrainStep(settings);
  const state = createTrainingState(gpu, shapes, { parameters: weights });
  const parameters = new Map(
    [...step.model.weights].map(([name, { storage }]) => [storage, state.parameters.get(name)!]),
  );
  // Not AdamW's outputs: its nodes are left out of the plan.
  const outputs = { total: step.losses.total, ...Object.fromEntries(step.gradients) };
  const executable = await compile(gpu, step.model.graph, outputs, {
    parameters: new Map([
      ...parameters,
      ...[...step.moments].flatMap(([name, { m, v }]) => [
        [m.storage, state.m.get(name)!] as const,
        [v.storage, state.v.get(name)!] as const,
      ]),
    ]),
  });
  const schedule = new Float32Array(3); // a learning rate of 0
  const got = await executable.run({ ...batch, schedule }, Object.keys(outputs));
  executable.dispose();
  state.dispose();
  expect(got.total![0]).toBeCloseTo(loss, 5);
  expect([...step.gradients.keys()]).toEqual([...shapes.keys()]);
  for (const name of shapes.keys()) {
    const { error, scale } = compare(name, got[name] as Float32Array, gradients.get(name)!);
    expect(scale, name).toBeGreaterThan(0);
    expect(error / scale, name).toBeLessThan(2e-4);
  }
});

test('the float64 reference itself is what differences of the loss say, in a random direction of each weight', () => {
  for (const [name, gradient] of gradients) {
    const { normal } = numbers(7);
    const direction = Float64Array.from(gradient, normal);
    const at = (h: number) => {
      const moved = Float64Array.from(weights.get(name)!, (value, i) => value + h * direction[i]!);
      const { storage } = graph.model.weights.get(name)!;
      const found = forward64With(graph.model.graph, values, new Map([[storage, moved]]));
      return found.get(graph.total.storage)![0]!;
    };
    const h = 5e-7;
    const difference = (at(h) - at(-h)) / (2 * h);
    const product = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
    expect(Math.abs(difference - product), name).toBeLessThan(1e-6 * Math.max(1, Math.abs(product)));
  }
});
