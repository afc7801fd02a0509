// A graph over the features of the golden batch, run once.
import type { DeviceTensor } from '../../../src/graph/device-tensor.ts';
import { compile } from '../../../src/graph/executor.ts';
import type { Tensor } from '../../../src/kernels/tensor.ts';
import type { ImageNeeds } from '../../../src/model/clip/needs.ts';
import { bindWeights, type Clip } from '../../../src/model/clip/weights.ts';
import { createModelGraph, type ModelGraph } from '../../../src/model/context.ts';
import { featureInputs } from '../../../src/model/scorer.ts';
import type { MethodSetting } from './setting.ts';

interface Built {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly learnables?: ReadonlyMap<string, Tensor>;
}

/** @returns the outputs, and every record that `outputs` does not name */
export async function runOnFeatures(
  { gpu, size, count }: MethodSetting,
  clip: Clip,
  needs: ImageNeeds,
  features: Readonly<Record<string, Float32Array>>,
  build: (model: ModelGraph, features: Record<string, Tensor>) => Built,
  learned: ReadonlyMap<string, DeviceTensor> = new Map(),
): Promise<Record<string, Float32Array>> {
  const model = createModelGraph(clip.weightSpec);
  const { outputs, learnables = new Map() } = build(
    model,
    featureInputs(model, { clip, size, needs }, count),
  );
  const records = [...model.records].filter(([, { dtype }]) => dtype === 'f32');
  const all = { ...Object.fromEntries(records), ...outputs };
  const parameters = bindWeights(clip, model.weights);
  for (const [name, { storage }] of learnables) parameters.set(storage, learned.get(name)!);
  const executable = await compile(gpu, model.graph, all, { parameters });
  const inputs = executable.plan.leaves.inputs.map((storage) => model.graph.leaves.get(storage)!.name);
  try {
    const feeds = Object.fromEntries(inputs.map((name) => [name, features[name]!]));
    return (await executable.run(feeds, Object.keys(all))) as Record<string, Float32Array>;
  } finally {
    executable.dispose();
  }
}
