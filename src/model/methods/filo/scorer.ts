// Detection with FiLO: the kernels are merged once, boxes choose the texts and weigh the map.
import type { Gpu } from '../../../gpu/gpu.ts';
import { createDeviceTensor, type DeviceTensor } from '../../../graph/device-tensor.ts';
import { compile } from '../../../graph/executor.ts';
import { affine } from '../../../kernels/elementwise/elementwise.ts';
import { byteLength, f32, type Tensor } from '../../../kernels/tensor.ts';
import type { Clip } from '../../clip/weights.ts';
import { createModelGraph, type ModelGraph } from '../../context.ts';
import { checkDetection, ScoreError } from '../../faprompt/verdict.ts';
import { compileScorer, type Learned, type Scorer, type ScorerGraph } from '../../scorer.ts';
import { bindLearned } from '../learned.ts';
import type { ScorerSetup } from '../method.ts';
import { type Parts, splitShapes, splitValues } from '../parts.ts';
import { boxesOf, insideBoxes, useBoxes } from './boxes.ts';
import * as decoder from './decoder.ts';
import { describedAs } from './descriptions.ts';
import * as forward from './forward.ts';
import { type FiloOptions, filoTaps, sizesOf } from './options.ts';
import { TextTable } from './texts.ts';

/** Number of regions that a box's centre may lie in; with other positions than nine, boxes choose none. */
const regions = 9;

/** The published score is in [-1 / (2 sqrt 2), 1 / (2 sqrt 2) + 1/2]; what is shown is brought to [0, 1], in the same order. */
const leastFiloScore = -Math.SQRT1_2 / 2;
const scoreRange = Math.SQRT1_2 + 0.5;

/** Learned values as they are held: those of a training under way are in parts already. */
const heldValues = (learned: Learned, parts: Parts): Learned =>
  new Map(
    [...learned].flatMap(([name, values]): [string, Float32Array | DeviceTensor][] =>
      values instanceof Float32Array ? [...splitValues(new Map([[name, values]]), parts)] : [[name, values]],
    ),
  );

/** Merges each depth's kernels once, on the device. The learned kernels themselves are not kept there. */
async function mergeAll(
  gpu: Gpu,
  clip: Clip,
  count: number,
  learned: Learned,
): Promise<Map<string, DeviceTensor>> {
  const merged = new Map<string, DeviceTensor>();
  const parts = decoder.filoParts(clip.config);
  const split = decoder.kernelParts(count, parts);
  const shapes = splitShapes(
    forward.filoShapes({ tokens: 1, linear: 0, convolutions: count }, clip.config),
    split,
  );
  const held = heldValues(learned, split);
  for (let i = 0; i < count; i++) {
    const model = createModelGraph(clip.weightSpec);
    const depth = new RegExp(`^decoder_cov\\.fc_\\d\\d\\.${i}\\.`);
    const tensors = forward.learnableTensors(
      model,
      new Map([...shapes].filter(([name]) => depth.test(name))),
    );
    const { kernels, bias } = decoder.mergedConvolution(model, i, (name) => tensors.get(name)!, parts);
    const outputs: Record<string, Tensor> = { [`bias${i}`]: bias };
    for (const [part, kernel] of kernels.entries()) outputs[`kernel${i}/${part}`] = kernel;
    const own: DeviceTensor[] = [];
    try {
      const parameters = new Map<number, DeviceTensor>();
      for (const { tensor, values } of bindLearned(tensors, held)) {
        const bound =
          values instanceof Float32Array ? createDeviceTensor(gpu, 'kernel', tensor, values) : values;
        if (bound !== values) own.push(bound);
        parameters.set(tensor.storage, bound);
      }
      const executable = await compile(gpu, model.graph, outputs, { parameters });
      await executable.run({});
      for (const name of Object.keys(outputs)) {
        const made = executable.tensor(name);
        const copy = createDeviceTensor(gpu, name, { shape: made.shape, dtype: made.dtype });
        merged.set(name, copy);
        const encoder = gpu.device.createCommandEncoder();
        encoder.copyBufferToBuffer(made.buffer, 0, copy.buffer, 0, byteLength(copy));
        gpu.device.queue.submit([encoder.finish()]);
      }
      await gpu.finish();
      executable.dispose();
    } catch (error) {
      for (const { buffer } of merged.values()) gpu.memory.free(buffer);
      throw error;
    } finally {
      for (const { buffer } of own) gpu.memory.free(buffer);
    }
  }
  return merged;
}

/** Merged kernels by the learned values that they are of: the scorers of all classes share them. */
const kept = new WeakMap<Learned, { users: number; readonly merged: Promise<Map<string, DeviceTensor>> }>();

async function sharedKernels(gpu: Gpu, clip: Clip, count: number, learned: Learned) {
  const entry = kept.get(learned) ?? { users: 0, merged: mergeAll(gpu, clip, count, learned) };
  kept.set(learned, entry);
  entry.users += 1;
  let used = true;
  const release = async () => {
    if (!used) return;
    used = false;
    entry.users -= 1;
    if (entry.users > 0) return;
    if (kept.get(learned) === entry) kept.delete(learned);
    for (const { buffer } of (await entry.merged.catch(() => new Map<string, DeviceTensor>())).values())
      gpu.memory.free(buffer);
  };
  try {
    return { merged: await entry.merged, free: release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** @throws WeightsError for learned values that are not FiLO's, TokenizerError for a class that cannot be said */
export async function createFiloScorer(
  options: FiloOptions,
  { gpu, clip, size, needs, className = 'object', tokenizer, learned = new Map(), boxes }: ScorerSetup,
): Promise<Scorer & { readonly dropped: readonly string[] }> {
  const { config } = clip;
  const { names } = filoTaps(config, options);
  const sizes = sizesOf(options, config);
  const shapes = [...forward.filoShapes(sizes, config)].filter(([name]) => !name.startsWith('decoder_cov.'));
  const table = await TextTable.of(clip, options, [className], tokenizer);
  const { merged, free } = await sharedKernels(gpu, clip, sizes.convolutions, learned);
  const build = (model: ModelGraph, features: Readonly<Record<string, Tensor>>): ScorerGraph => {
    const { graph } = model;
    const all = forward.learnableTensors(model, new Map(shapes));
    const get = (name: string) => all.get(name)!;
    const fixed: { tensor: Tensor; values: DeviceTensor }[] = [];
    const parameter = (name: string) => {
      const values = merged.get(name)!;
      const tensor = graph.parameter(name, values);
      fixed.push({ tensor, values });
      return tensor;
    };
    const convolutions = Array.from(
      { length: sizes.convolutions },
      (_, i): decoder.FiloConvolution => ({
        kernels: Array.from({ length: decoder.filoParts(config) }, (_, part) =>
          parameter(`kernel${i}/${part}`),
        ),
        bias: parameter(`bias${i}`),
      }),
    );
    const unit = forward.filoClass(model, features.image!, get, true);
    const start = graph.constant('start', table.start, [1, config.textWidth]);
    const texts = { normal: table.inputs(model, 'normal'), abnormal: table.inputs(model, 'abnormal') };
    const text = forward.filoPrototypes(model, unit, { start, ...texts }, { get, clip: config });
    const maps = decoder.filoMaps(
      model,
      names.map((name) => features[name]!),
      text,
      { get, convolutions, size },
    );
    const similarities = forward.filoSimilarities(model, unit, text);
    const inside = graph.input('inside', f32(size, size));
    const { map, score } = forward.filoDetection(model, similarities, maps, inside);
    return {
      map,
      score: affine(graph, score, 1 / scoreRange, -leastFiloScore / scoreRange),
      parameters: [...bindLearned(all, learned), ...fixed],
    };
  };
  // All of its texts are encoded anew for every image, in several sequences with a beginning of the image's own: one at a
  // time has rows enough.
  const target = { gpu, clip, size, needs };
  const scorer = await compileScorer(target, build, { together: false }).catch(async (error: unknown) => {
    await free();
    throw error;
  });
  const words = [...options.words, ...describedAs(options.descriptions, className)];
  const everywhere = new Float32Array(size * size).fill(1);
  const featureNames = [...new Set(['image', ...names])];
  return {
    ...scorer,
    dropped: table.dropped,
    async score(features, image, runOptions) {
      let [position, inside]: [number | undefined, Float32Array] = [undefined, everywhere];
      if (boxes) {
        const own = boxesOf(boxes, image);
        if (!own) throw new ScoreError(image, `its boxes in ${boxes.name}`, 'none');
        const used = useBoxes(own, words, size);
        position = options.positions.length === regions ? used.position : undefined;
        inside = insideBoxes(used.pixels, size);
      }
      const feeds = Object.fromEntries(featureNames.map((name) => [name, features[name]!]));
      const found = await scorer.executable.run(
        { ...feeds, ...table.feeds(className, position), inside },
        ['map', 'score'],
        runOptions,
      );
      return checkDetection({ score: found.score![0]!, map: found.map as Float32Array }, image);
    },
    dispose() {
      scorer.dispose();
      void free();
    },
  };
}
