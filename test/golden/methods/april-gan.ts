import { compile } from '../../../src/graph/executor.ts';
import { gradient } from '../../../src/graph/gradient.ts';
import { multiply } from '../../../src/kernels/elementwise/elementwise.ts';
import { sumAll } from '../../../src/kernels/reduce/reduce.ts';
import { f32 } from '../../../src/kernels/tensor.ts';
import { clipNeeds, type ImageNeeds } from '../../../src/model/clip/needs.ts';
import { createModelGraph } from '../../../src/model/context.ts';
import { upsampleAligned } from '../../../src/model/methods/align-corners.ts';
import { aprilGanForward, aprilGanLearner } from '../../../src/model/methods/april-gan/april-gan.ts';
import { adamOptimizer } from '../../../src/model/methods/optimizer.ts';
import { prototypesOf } from '../../../src/model/methods/texts.ts';
import type { TrainingState } from '../../../src/train/step.ts';
import { runOnFeatures } from './detection.ts';
import { channelsLast, encodeImages, idsOf, type MethodSetting } from './setting.ts';
import { checkTraining, initialState } from './training.ts';

const file = 'april-gan/april_gan.safetensors';

export async function checkAprilGan(setting: MethodSetting): Promise<void> {
  await checkUpsampling(setting);
  const { gpu, golden, report, clip, count, size, texts } = setting;
  const opened = await golden.open(file);
  if (!opened) return void report.notes.push(`no ${file}: skipped`);
  const group = 'methods/april-gan';
  const compare = (name: string, got: ArrayLike<number>) => report.compare(group, file, name, got);
  const blocks = tapBlocks(setting, [...opened.tensors.keys()]);
  const needs: ImageNeeds = { ...clipNeeds, patches: 'none', taps: blocks, positions: 'bicubic-antialias' };
  const streams = blocks.map((block) => `vision/layer${block - 1}/ori`);
  const features = await encodeImages(setting, clip, needs, setting, ['vision/pos', ...streams]);
  await compare('position_table', features['vision/pos']!);
  await compare('cls', features.image!);
  for (const [i, stream] of streams.entries()) await compare(`tap${i}`, features[stream]!);

  const classes = texts['class of each image'];
  const ofClass = await Promise.all(
    texts.classes.map((_, c) =>
      prototypesOf(
        { gpu, clip },
        { normal: idsOf(setting, c, 'normal'), abnormal: idsOf(setting, c, 'abnormal') },
        'unit',
      ),
    ),
  );
  const all = Float32Array.from(classes.flatMap((c) => [...ofClass[c]!]));
  await compare('prototypes', all);

  // Trained with the golden file's prototypes and features, as ours were compared above: 100 times a cosine turns the
  // encoders' rounding, a tenth of what is allowed there, into all that is allowed of a loss.
  const prototypes = await opened.readFloat32('prototypes');
  const pair = 2 * clip.config.embedDim;
  const prototypesOfClass = (name: string) => {
    const image = classes.indexOf(Number(name));
    return prototypes.subarray(pair * image, pair * (image + 1));
  };
  const settings = { clip: clip.config, size };
  const learner = aprilGanLearner(prototypesOfClass, blocks, settings);
  const detect = (state: TrainingState) =>
    runOnFeatures(
      setting,
      clip,
      needs,
      features,
      (model, inputs) => {
        const prototypes = model.graph.constant('prototypes', all, [count, 2, clip.config.embedDim]);
        const taps = blocks.map((block) => inputs[`tap${block}`]!);
        const { learnables, sum, score } = aprilGanForward(
          model,
          { image: inputs.image!, taps },
          prototypes,
          settings,
        );
        return { outputs: { map: sum, score }, learnables };
      },
      state.parameters,
    );
  const before = await initialState(setting, file, ['m', 'v']);
  const first = await detect(before);
  before.dispose();
  await compare('infer0/map', first.map!);
  await compare('infer0/score', first.score!);
  const state = await checkTraining(setting, {
    file,
    group,
    learner,
    needs,
    optimizer: adamOptimizer(),
    learningRate: 1e-3,
    features: await goldenFeatures(),
    classes: classes.map(String),
    recordOf: (name) =>
      name.startsWith('logits') ? { name, order: (x) => channelsLast(x, count, 2) } : { name },
  });
  await compare('infer3/map', (await detect(state)).map!);
  state.dispose();

  async function goldenFeatures(): Promise<Record<string, Float32Array>> {
    const found: Record<string, Float32Array> = { image: await opened!.readFloat32('cls') };
    for (const [i, block] of blocks.entries()) {
      const [, rows, width] = opened!.tensors.get(`tap${i}`)!.shape as [number, number, number];
      const tokens = await opened!.readFloat32(`tap${i}`);
      const patches = new Float32Array(count * (rows - 1) * width);
      for (let image = 0; image < count; image++) {
        const start = image * rows * width;
        patches.set(tokens.subarray(start + width, start + rows * width), image * (rows - 1) * width);
      }
      found[`tap${block}`] = patches;
    }
    return found;
  }
}

/** Blocks, counted from 1: as the manifest says of each tap, or evenly spaced with the last at the end. */
function tapBlocks({ golden, clip }: MethodSetting, tensors: readonly string[]): number[] {
  const described = golden.manifest.files[file]!.tensors as Readonly<
    Record<string, { readonly is?: string }>
  >;
  const taps = tensors.filter((name) => /^tap\d+$/.test(name)).length;
  return Array.from({ length: taps }, (_, i) => {
    const written = /after block (\d+)/.exec(described[`tap${i}`]?.is ?? '')?.[1];
    return written === undefined ? Math.round(((i + 1) * clip.config.visionLayers) / taps) : Number(written);
  });
}

/** Bilinear interpolation with align_corners=True, forward and backward. */
async function checkUpsampling({ gpu, golden, report }: MethodSetting): Promise<void> {
  const path = 'april-gan/ops.safetensors';
  const opened = await golden.open(path);
  if (!opened) return void report.notes.push(`no ${path}: skipped`);
  for (const name of opened.tensors.keys()) {
    const prefix = /^(bilinear_align_corners\/.+)\/in$/.exec(name)?.[1];
    if (prefix === undefined) continue;
    const [batch, channels, grid] = opened.tensors.get(name)!.shape as [number, number, number];
    const size = opened.tensors.get(`${prefix}/out`)!.shape[3]!;
    const model = createModelGraph(() => undefined);
    const x = model.graph.input('x', f32(batch * channels, grid, grid));
    const weights = model.graph.input('gout', f32(batch * channels, size, size));
    const out = upsampleAligned(model, x, size);
    const [gin] = gradient(model.graph, sumAll(model.graph, multiply(model.graph, out, weights)), [x]);
    const executable = await compile(gpu, model.graph, { out, gin: gin! });
    const feeds = { x: await opened.readFloat32(name), gout: await opened.readFloat32(`${prefix}/gout`) };
    const found = await executable.run(feeds, ['out', 'gin']);
    executable.dispose();
    for (const each of ['out', 'gin'] as const)
      await report.compare('methods/align-corners', path, `${prefix}/${each}`, found[each]!);
  }
}
