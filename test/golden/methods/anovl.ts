import { createDeviceTensor, readDeviceTensor } from '../../../src/graph/device-tensor.ts';
import { compile } from '../../../src/graph/executor.ts';
import { gradient } from '../../../src/graph/gradient.ts';
import { adamw, adamwSchedule } from '../../../src/kernels/adamw/adamw.ts';
import { f32, type Tensor } from '../../../src/kernels/tensor.ts';
import { clipNeeds, type ImageNeeds } from '../../../src/model/clip/needs.ts';
import { augment } from '../../../src/model/clip/views.ts';
import { textFeatures } from '../../../src/model/clip/zero-shot.ts';
import { createModelGraph } from '../../../src/model/context.ts';
import { anovlAdamw, anovlLosses } from '../../../src/model/methods/anovl/adaptation.ts';
import {
  adaptedCosines,
  anovlMap,
  directionOf,
  viewScore,
} from '../../../src/model/methods/anovl/forward.ts';
import { prototypesOf } from '../../../src/model/methods/texts.ts';
import { encodeImages, idsOf, type MethodSetting } from './setting.ts';
import { named, whereItMoves } from './training.ts';

const file = 'anovl/anovl.safetensors';
const group = 'methods/anovl';

export async function checkAnovl(setting: MethodSetting): Promise<void> {
  const { gpu, golden, report, clip, count, size, images } = setting;
  const opened = await golden.open(file);
  if (!opened) return void report.notes.push(`no ${file}: skipped`);
  const compare = (name: string, got: ArrayLike<number>) => report.compare(group, file, name, got);
  const { embedDim, visionLayers } = clip.config;
  const [rowCount] = opened.tensors.get('rows')!.shape as [number];
  const ids = (['normal', 'abnormal'] as const).map((kind) => idsOf(setting, 0, kind));
  const half = ids.flatMap((all) => all.slice(0, rowCount / 2));
  const rows = Float32Array.from((await textFeatures(gpu, clip, half)).flatMap((row) => [...row]));
  await compare('rows', rows);
  const prototypes = await prototypesOf({ gpu, clip }, { normal: ids[0]!, abnormal: ids[1]! }, 'raw');
  await compare('prototypes', prototypes);

  // The golden position table is resized bilinearly, whatever AnoVL's own backbone needs.
  const needs: ImageNeeds = { ...clipNeeds, dualLayers: visionLayers, patches: 'raw' };
  const features = await encodeImages(setting, clip, needs, setting);
  await compare('cls', features.image!);
  await compare('tokens', features.patches!);

  const views = augment(images.slice(0, images.length / count), size);
  const joined = Float32Array.from(views.flatMap((view) => [...view]));
  await compare('augmented', joined);
  const ofViews = await encodeImages(
    setting,
    clip,
    { ...clipNeeds, patches: 'none' },
    {
      images: joined,
      count: views.length,
    },
  );
  const model = createModelGraph(clip.weightSpec);
  const input = model.graph.input('views', f32(1, views.length, embedDim));
  const { probability, score } = viewScore(
    model,
    input,
    model.graph.constant('prototypes', prototypes, [1, 2, embedDim]),
  );
  const executable = await compile(gpu, model.graph, { probability, score });
  const found = await executable.run({ views: ofViews.image! }, ['probability', 'score']);
  executable.dispose();
  await compare('augmented_prob', found.probability!);
  await compare('score', found.score!);

  const adapted = new Set(
    [...opened.tensors.keys()].flatMap((name) => /^image(\d+)\//.exec(name)?.[1] ?? []),
  );
  const perImage = features.patches!.length / count;
  for (const index of adapted) {
    const i = Number(index);
    const tokens = features.patches!.slice(i * perImage, (i + 1) * perImage);
    await checkAdaptation(setting, `image${index}/`, tokens, rows, prototypes);
  }
}

/**
 * Derivatives by the probabilities of n patches [n, 2], of the loss as it is written with them:
 * mean(-r0 ln r0) + 0.5 mean(-ln r1_abnormal - ln r0_normal).
 */
function ofProbabilities(name: 'r0' | 'r1', r: Float32Array): Float32Array {
  const n = r.length / 2;
  return r.map((x, i) => {
    const [soft, hard] = name === 'r0' ? [-Math.log(x) - 1, i % 2 === 0] : [0, i % 2 === 1];
    return (soft - (hard ? 0.5 / x : 0)) / n;
  });
}

/** The steps on one image, and its map after them. */
async function checkAdaptation(
  setting: MethodSetting,
  prefix: string,
  tokens: Float32Array,
  rowValues: Float32Array,
  prototypeValues: Float32Array,
): Promise<void> {
  const { gpu, golden, report, clip, size } = setting;
  const opened = (await golden.open(file))!;
  const all = [...opened.tensors.keys()];
  const { embedDim } = clip.config;
  const n = tokens.length / embedDim;
  const compare = (name: string, got: ArrayLike<number>, keep?: (i: number) => boolean) =>
    report.compare(group, file, prefix + name, got, keep);
  const names = named(all, `${prefix}init/`);
  const state = new Map<string, ReturnType<typeof createDeviceTensor>>();
  for (const name of names) {
    const spec = f32(...opened.tensors.get(`${prefix}init/${name}`)!.shape);
    state.set(name, createDeviceTensor(gpu, name, spec, await opened.readFloat32(`${prefix}init/${name}`)));
    for (const part of ['m/', 'v/']) state.set(part + name, createDeviceTensor(gpu, part + name, spec));
  }
  const model = createModelGraph(clip.weightSpec, { training: true });
  const { graph } = model;
  const bound = new Map<number, ReturnType<typeof createDeviceTensor>>();
  const parameter = (name: string): Tensor => {
    const tensor = graph.parameter(name, state.get(name)!);
    bound.set(tensor.storage, state.get(name)!);
    return tensor;
  };
  const h = graph.input('h', f32(n, embedDim));
  const noise = graph.input('noise', f32(n, embedDim));
  const schedule = graph.input('schedule', f32(3));
  const adapter = {
    weight: parameter('ad.weight'),
    bias: parameter('ad.bias'),
    rows: graph.constant('rows', rowValues, [rowValues.length / embedDim, embedDim]),
    direction: graph.constant('direction', directionOf(prototypeValues), [1, embedDim]),
  };
  const before = anovlMap(model, adaptedCosines(model, h, adapter), size);
  const losses = anovlLosses(model, h, noise, adapter);
  const learned = [adapter.weight, adapter.bias];
  const recorded = ['r0', 'r1'].map((name) => model.records.get(name)!);
  const found = gradient(graph, losses.total, learned);
  const outputs: Record<string, Tensor> = {
    ...Object.fromEntries(Object.entries(losses).map(([name, t]) => [`loss/${name}`, t])),
    'value/r0': recorded[0]!,
    'value/r1': recorded[1]!,
    prob: before.probability,
    pooled: before.pooled,
    map: before.map,
  };
  for (const [i, name] of ['pgrad/ad.weight', 'pgrad/ad.bias'].entries())
    if (found[i]) outputs[name] = found[i];
  for (const [i, name] of ['ad.weight', 'ad.bias'].entries())
    adamw(
      graph,
      {
        parameter: learned[i]!,
        gradient: found[i]!,
        m: parameter(`m/${name}`),
        v: parameter(`v/${name}`),
        schedule,
      },
      anovlAdamw,
    );
  const executable = await compile(gpu, graph, outputs, { parameters: bound });
  const noises = await opened.readFloat32('noise');
  const steps = noises.length / (n * embedDim);
  const run = (step: number) =>
    executable.run(
      {
        h: tokens,
        noise: noises.slice(step * n * embedDim, (step + 1) * n * embedDim),
        schedule: adamwSchedule({ lr: 1e-3, ...anovlAdamw }, step + 1),
      },
      Object.keys(outputs),
    );
  for (let step = 1; step <= steps; step++) {
    const got = await run(step - 1);
    for (const name of named(all, `${prefix}loss${step}/`))
      await compare(`loss${step}/${name}`, got[`loss/${name}`]!);
    if (step === 1)
      for (const kind of ['value', 'grad', 'pgrad'])
        for (const name of named(all, `${prefix}${kind}/`)) {
          // The graph takes its losses from cosines: probabilities are not on the way of its gradient.
          const values =
            kind === 'grad'
              ? ofProbabilities(name as 'r0' | 'r1', got[`value/${name}`] as Float32Array)
              : got[`${kind}/${name}`]!;
          await compare(`${kind}/${name}`, values);
        }
    for (const name of named(all, `${prefix}param${step}/`)) {
      const values = (await readDeviceTensor(gpu, state.get(name)!)) as Float32Array;
      await compare(`param${step}/${name}`, values, await whereItMoves(setting, file, name, prefix));
    }
  }
  // One more run: what it computes before its own update is the state after the last step.
  const after = await run(0);
  for (const name of ['prob', 'pooled', 'map']) await compare(name, after[name]!);
  executable.dispose();
  for (const { buffer } of state.values()) gpu.memory.free(buffer);
}
