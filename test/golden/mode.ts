// One mode of a configuration: intermediates, losses, gradients, three Adam steps, inference.

import type { Gpu } from '../../src/gpu/gpu.ts';
import { compile } from '../../src/graph/executor.ts';
import { adamSchedule } from '../../src/kernels/adam/adam.ts';
import { f32, type Tensor } from '../../src/kernels/tensor.ts';
import { topk } from '../../src/kernels/topk/topk.ts';
import { bindWeights } from '../../src/model/clip/weights.ts';
import { createModelGraph } from '../../src/model/context.ts';
import { forward } from '../../src/model/faprompt/forward.ts';
import { learnableShapes } from '../../src/model/faprompt/learnables.ts';
import { anomalyMap, smoothedMap } from '../../src/model/faprompt/score.ts';
import { abnormalChannel } from '../../src/model/faprompt/similarity.ts';
import type { FapromptModel } from '../../src/model/faprompt/templates.ts';
import { publishedAdam } from '../../src/model/methods/optimizer.ts';
import {
  bindStep,
  buildStepGraph,
  compileStep,
  createTrainingState,
  readTrainingState,
  type TrainingState,
} from '../../src/train/step.ts';
import type { GoldenConfiguration, ReferenceMode } from './configuration.ts';
import type { GoldenFolder } from './folder.ts';
import { matchIntermediate } from './intermediates.ts';
import type { Report } from './report.ts';
import type { BatchFeatures } from './vision.ts';

const steps = 3;

interface Setting {
  readonly gpu: Gpu;
  readonly golden: GoldenFolder;
  readonly configuration: GoldenConfiguration;
  readonly model: FapromptModel;
  readonly features: BatchFeatures;
  readonly report: Report;
  readonly path: string;
  readonly group: string;
}

export async function checkMode(
  gpu: Gpu,
  golden: GoldenFolder,
  configuration: GoldenConfiguration,
  name: string,
  mode: ReferenceMode,
  features: BatchFeatures,
  report: Report,
): Promise<void> {
  const path = `${configuration.name}/${name}.safetensors`;
  if (!(await golden.open(path))) return void report.notes.push(`no ${path}: mode ${name} skipped`);
  const model = await configuration.model(mode);
  for (const sharePrefix of [true, false]) {
    const group = `${configuration.group}/${name}${sharePrefix ? '' : ' (prompts in full)'}`;
    const setting = { gpu, golden, configuration, model, features, report, path, group };
    await checkTraining(setting, sharePrefix);
    await checkTrained({ ...setting, group: `${group}, as trained` }, sharePrefix);
  }
}

async function initialState({ gpu, configuration, model }: Setting): Promise<TrainingState> {
  const shapes = learnableShapes(model.options, configuration.config);
  const parameters = new Map<string, Float32Array>();
  for (const name of shapes.keys())
    parameters.set(name, await configuration.inputs.readFloat32(`param0/${name}`));
  return createTrainingState(gpu, shapes, { parameters });
}

async function checkTraining(setting: Setting, sharePrefix: boolean): Promise<void> {
  const { gpu, golden, configuration, model, report, path, group } = setting;
  const { inputs, imageSize, config } = configuration;
  const images = inputs.tensors.get('images')!.shape[0]!;
  const state = await initialState(setting);
  const step = buildStepGraph(
    configuration,
    model,
    { batch: images, size: imageSize },
    {
      sharePrefix,
      allLosses: true,
      intermediates: true,
    },
  );
  const { graph } = step.model;
  const sim1 = step.model.records.get('sim1')!;
  const [topValues, topIndices] = topk(graph, abnormalChannel(step.model, sim1), model.options.patches);
  const prefixed = (prefix: string, tensors: Iterable<readonly [string, Tensor]>) =>
    [...tensors].map(([n, t]) => [`${prefix}${n}`, t] as const);
  const outputs = Object.fromEntries([
    ...prefixed('loss/', Object.entries(step.losses)),
    ...prefixed('value/', step.model.records),
    ...prefixed('grad/', step.intermediates),
    ...prefixed('pgrad/', step.gradients),
    ['value/topk_values', topValues] as const,
    ['value/topk_indices', topIndices] as const,
  ]);
  const executable = await compile(gpu, graph, outputs, {
    parameters: bindStep(configuration, step, state),
    batch: true,
  });
  const feeds = await feedsOf(setting);
  const file = (await golden.open(path))!;
  const tensors = (prefix: string) =>
    [...file.tensors]
      .filter(([n]) => n.startsWith(prefix))
      .map(([n, { shape }]) => ({ name: n, rest: n.slice(prefix.length), shape }));

  const inference = await openInference(setting, state, sharePrefix);
  await inference.check(0);
  for (let n = 1; n <= steps; n += 1) {
    const schedule = adamSchedule({ lr: 1e-3, ...publishedAdam }, n);
    // Later steps are compared by their losses and by what they make of the parameters.
    const read = Object.keys(outputs).filter((name) => n === 1 || name.startsWith('loss/'));
    const got = await executable.run({ ...feeds, schedule }, read);
    for (const { name, rest } of tensors(`loss/step${n}/`))
      await report.compare(`${group} losses`, path, name, got[`loss/${rest}`]!);
    if (n === 1) {
      for (const kind of ['value', 'grad'] as const) {
        const recorded = Object.fromEntries(
          Object.entries(got).flatMap(([k, v]) =>
            k.startsWith(`${kind}/`) ? [[k.slice(kind.length + 1), v]] : [],
          ),
        );
        const layout = {
          images,
          start: sharePrefix ? 1 + model.options.normalTokens : 0,
          textWidth: config.textWidth,
        };
        for (const { name, rest, shape } of tensors(`${kind}/`)) {
          const match = matchIntermediate(rest, shape, recorded, layout, kind === 'grad');
          if (!match) throw new Error(`${path}: this engine has nothing for "${name}"`);
          await report.compare(
            `${group} ${kind === 'value' ? 'values' : 'gradients'}`,
            path,
            name,
            match.got,
            match.keep,
          );
        }
      }
      for (const { name, rest } of tensors('pgrad/')) {
        const found = got[`pgrad/${rest}`];
        await report.compare(
          `${group} parameter gradients`,
          path,
          name,
          found ?? new Float32Array(file.tensors.get(name)!.shape.reduce((a, b) => a * b, 1)),
        );
      }
    }
    await compareParameters(setting, state, n);
    await inference.check(n);
  }
  inference.dispose();
  executable.dispose();
  state.dispose();
}

const feedsOf = async ({ configuration: { inputs }, features }: Setting) => {
  const labels = await inputs.readInt32('labels');
  return {
    image: features.image,
    patches: features.patches,
    masks: Uint8Array.from(await inputs.readFloat32('masks')),
    classes: labels,
    labels: Float32Array.from(labels),
  };
};

/** `param<n>/...`: the parameters after n steps. */
async function compareParameters(
  { gpu, golden, report, path, group }: Setting,
  state: TrainingState,
  n: number,
): Promise<void> {
  const file = (await golden.open(path))!;
  const { parameters } = await readTrainingState(gpu, state);
  const prefix = `param${n}/`;
  for (const name of [...file.tensors.keys()].filter((key) => key.startsWith(prefix))) {
    const rest = name.slice(prefix.length);
    // Adam amplifies rounding where a gradient is tiny: it divides by its size.
    const derivative = await file.readFloat32(`pgrad/${rest}`);
    const floor = 1e-5 * derivative.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    await report.compare(
      `${group} after Adam`,
      path,
      name,
      parameters.get(rest)!,
      (i) => Math.abs(derivative[i]!) > floor,
    );
  }
}

/** The step as training compiles it: nothing but the losses is read, so that operators are fused. */
async function checkTrained(setting: Setting, sharePrefix: boolean): Promise<void> {
  const { gpu, golden, configuration, model, report, path, group } = setting;
  const { inputs, imageSize } = configuration;
  const state = await initialState(setting);
  const batch = inputs.tensors.get('images')!.shape[0]!;
  const step = buildStepGraph(configuration, model, { batch, size: imageSize }, { sharePrefix });
  const executable = await compileStep(gpu, configuration, step, state);
  const feeds = await feedsOf(setting);
  const file = (await golden.open(path))!;
  for (let n = 1; n <= steps; n += 1) {
    const schedule = adamSchedule({ lr: 1e-3, ...publishedAdam }, n);
    const got = await executable.run({ ...feeds, schedule }, Object.keys(step.losses));
    for (const [name, value] of Object.entries(got)) {
      const stored = `loss/step${n}/${name}`;
      if (file.tensors.has(stored)) await report.compare(`${group} losses`, path, stored, value);
    }
    await compareParameters(setting, state, n);
  }
  executable.dispose();
  state.dispose();
}

interface Inference {
  /** Compares `infer<n>/...`: maps and scores with the parameters as they are, after n steps. */
  check(n: number): Promise<void>;
  dispose(): void;
}

/** Inference with the parameters of a training, compiled once for all its steps. */
async function openInference(
  { gpu, golden, configuration, model, features, report, path, group }: Setting,
  state: TrainingState,
  sharePrefix: boolean,
): Promise<Inference> {
  const file = (await golden.open(path))!;
  const all = [...file.tensors.keys()].filter((name) => /^infer\d+\//.test(name));
  if (all.length === 0) return { check: async () => {}, dispose() {} };
  const { config, inputs, imageSize } = configuration;
  const images = inputs.tensors.get('images')!.shape[0]!;
  const context = createModelGraph(configuration.weightSpec);
  const { graph } = context;
  const input = {
    image: graph.input('image', f32(images, config.embedDim)),
    patches: graph.input('patches', f32(images, (imageSize / config.patch) ** 2, config.embedDim)),
  };
  const result = forward(context, model, input, { size: imageSize, sharePrefix });
  const map = anomalyMap(context, result);
  const outputs: Record<string, Tensor> = { anomaly_map: map, score: result.score };
  for (const name of all) {
    const sigma = /smoothed([\d.]+)$/.exec(name)?.[1];
    if (sigma && !outputs[`smoothed${sigma}`])
      outputs[`smoothed${sigma}`] = smoothedMap(context, map, Number(sigma));
  }
  const parameters = bindWeights(configuration, context.weights);
  for (const [name, { storage }] of result.learnables.all)
    parameters.set(storage, state.parameters.get(name)!);
  const executable = await compile(gpu, graph, outputs, { parameters, batch: true });
  return {
    async check(n) {
      const wanted = all.filter((name) => name.startsWith(`infer${n}/`));
      if (wanted.length === 0) return;
      const got = await executable.run(
        { image: features.image, patches: features.patches },
        Object.keys(outputs),
      );
      for (const name of wanted)
        await report.compare(`${group} inference`, path, name, got[name.slice(`infer${n}/`.length)]!);
    },
    dispose: () => executable.dispose(),
  };
}
