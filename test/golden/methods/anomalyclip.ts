import { createDeviceTensor, type DeviceTensor } from '../../../src/graph/device-tensor.ts';
import { f32 } from '../../../src/kernels/tensor.ts';
import { fapromptNeeds, type ImageNeeds } from '../../../src/model/clip/needs.ts';
import { forward } from '../../../src/model/faprompt/forward.ts';
import { type FapromptOptions, presets } from '../../../src/model/faprompt/options.ts';
import { anomalyMap, smoothedMap } from '../../../src/model/faprompt/score.ts';
import { type FapromptModel, usedTokens } from '../../../src/model/faprompt/templates.ts';
import {
  ensembleOutputs,
  memberForwards,
} from '../../../src/model/methods/anomalyclip-ensemble/anomalyclip-ensemble.ts';
import { fapromptLearner } from '../../../src/model/methods/faprompt/faprompt.ts';
import { adamOptimizer } from '../../../src/model/methods/optimizer.ts';
import { runOnFeatures } from './detection.ts';
import { channelsLast, encodeImages, type MethodSetting } from './setting.ts';
import { checkTraining, initialState } from './training.ts';

/** What the golden files call what FAPrompt's graph records, and its losses. */
const records: Readonly<Record<string, string>> = {
  proto: 'text/proto1',
  logits: 'image/logits',
  prob: 'sim1',
  maps: 'map1',
};
const lossNames: Readonly<Record<string, string>> = {
  focal: 'focal1',
  dice_abn: 'dice_abn1',
  dice_nor: 'dice_nor1',
};

export async function checkAnomalyclip(setting: MethodSetting): Promise<void> {
  const needs = fapromptNeeds(await dualLayersOf(setting));
  for (const name of ['anomalyclip', 'ensemble_star']) await checkOne(setting, name, needs);
  await checkEnsemble(setting, needs);
}

/** V-V blocks: as the manifest says, or else the number that gives the golden patches. */
async function dualLayersOf(setting: MethodSetting): Promise<number> {
  const { golden, clip } = setting;
  const file = 'anomalyclip/anomalyclip.safetensors';
  const { patches } = (golden.manifest.files[file]?.tensors ?? {}) as Readonly<
    Record<string, { is?: string }>
  >;
  const written = /(\d+) dual/.exec(patches?.is ?? '')?.[1];
  if (written !== undefined) return Number(written);
  const want = await (await golden.open(file))?.readFloat32('patches');
  let best = { layers: 1, error: Number.POSITIVE_INFINITY };
  for (let layers = 0; want && layers <= clip.config.visionLayers; layers++) {
    const found = await encodeImages(setting, clip, fapromptNeeds(layers), setting);
    const error = found.patches!.reduce((sum, x, i) => sum + Math.abs(x - want[i]!), 0);
    if (error < best.error) best = { layers, error };
  }
  return best.layers;
}

/** AnomalyCLIP's options in the sizes of a file's learnables. @param prefix of their names */
async function modelOf(setting: MethodSetting, file: string, prefix: string): Promise<FapromptModel> {
  const { golden, clip, texts } = setting;
  const { tensors } = (await golden.open(file))!;
  const shape = (name: string) => tensors.get(prefix + name)?.shape;
  const layers = [...tensors.keys()].filter((name) =>
    name.startsWith(`${prefix}compound_prompts_text.`),
  ).length;
  const [, prompts, abnormalTokens] = shape('ctx_neg') as [number, number, number];
  const options: FapromptOptions = {
    ...presets.anomalyclip,
    normalTokens: shape('ctx_pos')![2]!,
    abnormalTokens,
    prompts,
    layerTokens: shape('compound_prompts_text.0')?.[0] ?? 1,
    layerDepth: layers + 1,
    orthogonalWeight: prompts > 1 ? presets.topm.orthogonalWeight : 0,
  };
  const templates = {
    normal: Int32Array.from(texts.anomalyclip.ids_pos),
    abnormal: Int32Array.from(texts.anomalyclip.ids_neg),
  };
  return { clip: clip.config, options, templates, rows: await clip.tokenRows(usedTokens(templates)) };
}

/** AnomalyCLIP, and one with K prompts and the orthogonal loss. */
async function checkOne(setting: MethodSetting, name: string, needs: ImageNeeds): Promise<void> {
  const { golden, report, clip, count, size } = setting;
  const file = `anomalyclip/${name}.safetensors`;
  if (!(await golden.open(file))) return void report.notes.push(`no ${file}: skipped`);
  const group = `methods/${name.replace('_', '-')}`;
  const compare = (tensor: string, got: ArrayLike<number>) => report.compare(group, file, tensor, got);
  const model = await modelOf(setting, file, 'init/');
  const features = await encodeImages(setting, clip, needs, setting);
  await compare('cls', features.image!);
  await compare('patches', features.patches!);
  const detect = (state: { readonly parameters: ReadonlyMap<string, DeviceTensor> }) =>
    runOnFeatures(
      setting,
      clip,
      needs,
      features,
      (context, { image, patches }) => {
        const result = forward(context, model, { image: image!, patches: patches! }, { size });
        const map = anomalyMap(context, result);
        const outputs = {
          map,
          score: result.score,
          pos: result.normalFeatures,
          neg: result.abnormalFeatures,
          smoothed4: smoothedMap(context, map, 4),
        };
        return { outputs, learnables: result.learnables.all };
      },
      state.parameters,
    );
  const before = await initialState(setting, file, ['m', 'v']);
  const first = await detect(before);
  before.dispose();
  for (const tensor of ['score', 'map', 'pos', 'neg']) await compare(`infer0/${tensor}`, first[tensor]!);
  const state = await checkTraining(setting, {
    file,
    group,
    learner: fapromptLearner(model, size),
    needs,
    optimizer: adamOptimizer(),
    learningRate: 1e-3,
    features,
    classes: [],
    recordOf: (record) => ({
      name: records[record] ?? record,
      ...(record === 'prob' ? { order: (x: Float32Array) => channelsLast(x, count, 2) } : {}),
    }),
    lossOf: (loss) => lossNames[loss] ?? loss,
  });
  const last = await detect(state);
  state.dispose();
  for (const tensor of ['score', 'smoothed4']) await compare(`infer3/${tensor}`, last[tensor]!);
}

/** Several models, by both readings. */
async function checkEnsemble(setting: MethodSetting, needs: ImageNeeds): Promise<void> {
  const { gpu, golden, report, clip, size } = setting;
  const file = 'anomalyclip/ensemble.safetensors';
  const opened = await golden.open(file);
  if (!opened) return void report.notes.push(`no ${file}: skipped`);
  const model = await modelOf(setting, file, 'model0/');
  const names = [...opened.tensors.keys()].filter((name) => /^model\d+\/(ctx_|compound_)/.test(name));
  const models = new Set(names.map((name) => name.split('/')[0])).size;
  const learned = new Map<string, DeviceTensor>();
  for (const name of names) {
    const { shape } = opened.tensors.get(name)!;
    learned.set(name, createDeviceTensor(gpu, name, f32(...shape), await opened.readFloat32(name)));
  }
  const features = await encodeImages(setting, clip, needs, setting);
  const found = await runOnFeatures(
    setting,
    clip,
    needs,
    features,
    (context, { image, patches }) => {
      const own = { image: image!, patches: patches! };
      const { members, learnables } = memberForwards(context, model, own, { size, models });
      const outputs = Object.fromEntries(
        members.flatMap((member, i) => [
          [`model${i}/score`, member.score] as const,
          [`model${i}/map`, anomalyMap(context, member)] as const,
        ]),
      );
      for (const reading of ['outputs', 'prototypes'] as const)
        for (const [name, tensor] of Object.entries(
          ensembleOutputs(context, members, own, { reading, options: model.options, size }),
        ))
          outputs[`${reading}/${name}`] = tensor;
      return { outputs, learnables };
    },
    learned,
  );
  for (const { buffer } of learned.values()) gpu.memory.free(buffer);
  for (const name of opened.tensors.keys())
    if (!names.includes(name)) await report.compare('methods/ensemble', file, name, found[name]!);
}
