// APRIL-GAN (Chen et al., VAND challenge 2023, zero-shot track; ByChelsea/VAND-APRIL-GAN).
//
//   z_l = x_l W_l^T + b_l                       patch tokens after four blocks, no LN_post; only W, b are trained
//   L_l = 100 u(z_l) T^T                        T: prototypes of the image's class, u(mean_i u(E_text(w_i)))
//   M_l = softmax over channels of upsample(L_l)      align_corners=True; logits are upsampled, not probabilities
//   loss = sum_l focal(M_l, y) + dice(M_l[1], y)      no dice on the normal channel, no image-level loss
//   score = softmax(100 class T^T)_a            plain CLIP with the same prompts
//   map = mean_l M_l[1]                         (the published code: the sum, which no metric can tell from it)
//
// Not built: the published training's mosaics of MVTec AD and its mixed precision.

import { createRandom, deriveSeed } from '../../../base/random.ts';
import { diceLoss } from '../../../kernels/dice/dice.ts';
import { add, affine, subtract } from '../../../kernels/elementwise/elementwise.ts';
import { focalLoss } from '../../../kernels/focal/focal.ts';
import { l2norm } from '../../../kernels/l2norm/l2norm.ts';
import { linear, matmul } from '../../../kernels/matmul/matmul.ts';
import { sigmoid } from '../../../kernels/sigmoid/sigmoid.ts';
import { concat, slice } from '../../../kernels/slice/slice.ts';
import { softmax } from '../../../kernels/softmax/softmax.ts';
import { f32, type Shape, type Tensor } from '../../../kernels/tensor.ts';
import type { ClipConfig } from '../../clip/config.ts';
import { clipNeeds } from '../../clip/needs.ts';
import type { Context } from '../../context.ts';
import { abnormalChannel, cosines } from '../../faprompt/similarity.ts';
import type { ValueKind } from '../../value-kinds.ts';
import { upsampleAligned } from '../align-corners.ts';
import { bindLearned } from '../learned.ts';
import { type Learner, type Learning, type Method, methodHead, type StepParts } from '../method.ts';
import { adamOptimizer } from '../optimizer.ts';
import { optionsFamily } from '../option-values.ts';
import { writtenPrototypes } from '../texts.ts';
import { namesClass, promptKinds, spokenPhrases, type WrittenPrompts } from '../written.ts';
import { writtenScorer } from '../written-scorer.ts';
import prompts from './prompts.json' with { type: 'json' };

export interface AprilGanOptions extends WrittenPrompts {
  /** Depths whose tokens are taken, evenly spaced, the last one at the end: 4 of 24 blocks are 6, 12, 18, 24. */
  readonly taps: number;
}

/** 7 normal states, 5 abnormal ones, 35 templates. */
export const aprilGanDefaults: AprilGanOptions = {
  ...prompts,
  object: '{class}',
  temperature: 0.01,
  taps: 4,
};

const kinds: Record<keyof AprilGanOptions, ValueKind> = { ...promptKinds, taps: { kind: 'count', min: 1 } };

/** Blocks, counted from 1; fewer than `taps` in a CLIP of fewer blocks. */
export const tapBlocks = (
  { taps }: Pick<AprilGanOptions, 'taps'>,
  { visionLayers }: ClipConfig,
): number[] => [
  ...new Set(
    Array.from({ length: taps }, (_, i) => Math.max(1, Math.round(((i + 1) * visionLayers) / taps))),
  ),
];

/** `fc.0.weight` [E, D], `fc.0.bias` [E] ... */
export function aprilGanShapes(taps: number, { embedDim, visionWidth }: ClipConfig): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (let i = 0; i < taps; i++) {
    shapes.set(`fc.${i}.weight`, [embedDim, visionWidth]);
    shapes.set(`fc.${i}.bias`, [embedDim]);
  }
  return shapes;
}

export interface AprilGanForward {
  readonly learnables: ReadonlyMap<string, Tensor>;
  /** Probability maps of the taps, each [B, 2, S, S]. */
  readonly maps: readonly Tensor[];
  /** Sum of the abnormal channels: [B, S, S]. */
  readonly sum: Tensor;
  /** [B]. */
  readonly score: Tensor;
}

export interface AprilGanSettings {
  readonly clip: ClipConfig;
  /** Side of the maps in pixels. */
  readonly size: number;
  readonly temperature?: number;
}

/**
 * @param image unit class features with ln_post [B, E]
 * @param taps residual streams' patch tokens, each [B, n, D]
 * @param prototypes [B, 2, E]
 */
export function aprilGanForward(
  context: Context,
  { image, taps }: { readonly image: Tensor; readonly taps: readonly Tensor[] },
  prototypes: Tensor,
  { clip, size, temperature = aprilGanDefaults.temperature }: AprilGanSettings,
): AprilGanForward {
  const { graph, record } = context;
  const [images, width] = image.shape as [number, number];
  const learnables = new Map(
    [...aprilGanShapes(taps.length, clip)].map(([name, shape]) => [
      name,
      graph.parameter(name, f32(...shape)),
    ]),
  );
  const maps = taps.map((tokens, i) => {
    const grid = Math.sqrt(tokens.shape[1]!);
    const bias = learnables.get(`fc.${i}.bias`)!;
    const z = record(`tokens${i}`, linear(graph, tokens, learnables.get(`fc.${i}.weight`)!, { bias }));
    const options = { transposeB: true, scale: 1 / temperature };
    const logits = record(`logits${i}`, matmul(graph, prototypes, l2norm(graph, z), options));
    const large = upsampleAligned(context, graph.view(logits, [2 * images, grid, grid]), size);
    return record(`map${i}`, twoWay(context, graph.view(large, [images, 2, size, size])));
  });
  const similarities = cosines(context, graph.view(image, [images, 1, width]), prototypes);
  const logits = affine(graph, graph.view(similarities, [images, 2]), 1 / temperature);
  const p = softmax(graph, logits, { axis: 1 });
  const abnormal = maps.map((map) =>
    graph.view(slice(graph, map, { axis: 1, start: 1, end: 2 }), [images, size, size]),
  );
  return {
    learnables,
    maps,
    sum: record(
      'map',
      abnormal.reduce((a, b) => add(graph, a, b)),
    ),
    score: record('score', graph.view(abnormalChannel(context, graph.view(p, [images, 2, 1])), [images])),
  };
}

/**
 * The softmax over two channels, of their difference: the focal loss has derivatives of 1e5 beside those of 1, and
 * softmax's gradient is a difference of such.
 */
function twoWay({ graph }: Context, logits: Tensor): Tensor {
  const [normal, abnormal] = [0, 1].map((i) => slice(graph, logits, { axis: 1, start: i, end: i + 1 }));
  const difference = subtract(graph, abnormal!, normal!);
  return concat(graph, [sigmoid(graph, affine(graph, difference, -1)), sigmoid(graph, difference)], 1);
}

/** @param masks 1 where abnormal [B, S, S] */
export function aprilGanLosses(
  { graph }: Context,
  maps: readonly Tensor[],
  masks: Tensor,
): StepParts['losses'] {
  const terms: Record<string, Tensor> = {};
  for (const [i, map] of maps.entries()) {
    terms[`focal${i}`] = focalLoss(graph, map, masks, {});
    terms[`dice${i}`] = diceLoss(graph, map, masks, { channel: 1 });
  }
  return { ...terms, total: Object.values(terms).reduce((a, b) => add(graph, a, b)) };
}

const learning = (options: AprilGanOptions): Learning => ({
  // 3 epochs on MVTec AD, 15 on VisA.
  schedule: { epochs: 3, batch: 8, learningRate: 1e-3 },
  optimizer: adamOptimizer(),
  shapes: (clip) => aprilGanShapes(tapBlocks(options, clip).length, clip),
  async initial(clip, seed) {
    const random = createRandom(deriveSeed(seed, 'learnables'));
    const bound = clip.config.visionWidth ** -0.5; // PyTorch's default of a linear layer
    const shapes = aprilGanShapes(tapBlocks(options, clip.config).length, clip.config);
    return new Map(
      [...shapes].map(([name, shape]) => [
        name,
        Float32Array.from(
          { length: shape.reduce((a, b) => a * b, 1) },
          () => bound * (2 * random.next() - 1),
        ),
      ]),
    );
  },
  async prepare({ gpu, clip, size, classes, tokenizer }) {
    const words = (await tokenizer?.()) ?? clip.tokenizer;
    const ofClass = new Map<string, Float32Array>();
    if (gpu)
      for (const name of new Set(classes.map((each) => keyOf(options, each)))) {
        const texts = spokenPhrases(options, words, name, 'keep');
        ofClass.set(name, (await writtenPrototypes({ gpu, clip, tokenizer: words }, texts, 'unit')).values);
      }
    return aprilGanLearner((name) => ofClass.get(keyOf(options, name))!, tapBlocks(options, clip.config), {
      clip: clip.config,
      size,
      temperature: options.temperature,
    });
  },
});

/** APRIL-GAN's part of a step. @param prototypes of a class [2, E] */
export const aprilGanLearner = (
  prototypes: (className: string) => Float32Array,
  blocks: readonly number[],
  settings: AprilGanSettings,
): Learner => ({
  build(model, features, { masks }) {
    const image = features.image!;
    const given = model.graph.input('prototypes', f32(image.shape[0]!, 2, settings.clip.embedDim));
    const taps = blocks.map((block) => features[`tap${block}`]!);
    const { learnables, maps } = aprilGanForward(model, { image, taps }, given, settings);
    return { learnables, losses: aprilGanLosses(model, maps, masks) };
  },
  feeds(names) {
    const { embedDim } = settings.clip;
    const all = new Float32Array(names.length * 2 * embedDim);
    names.forEach((name, i) => {
      all.set(prototypes(name), i * 2 * embedDim);
    });
    return { prototypes: all };
  },
});

const keyOf = (options: AprilGanOptions, className: string): string => (namesClass(options) ? className : '');

export const aprilGan = (name: string, title: string, options: AprilGanOptions): Method => ({
  ...methodHead('april-gan', name, title, options),
  namesClass: namesClass(options),
  needs: (clip) => ({
    ...clipNeeds,
    patches: 'none',
    taps: tapBlocks(options, clip),
    positions: 'bicubic-antialias',
  }),
  learning: learning(options),
  scorer(setup) {
    const { size, needs, learned } = setup;
    const settings = { clip: setup.clip.config, size, temperature: options.temperature };
    return writtenScorer(
      setup,
      options,
      { mean: 'unit', underscores: 'keep' },
      (context, all, prototypes) => {
        const features = { image: all.image!, taps: needs.taps.map((block) => all[`tap${block}`]!) };
        const { learnables, sum, score } = aprilGanForward(context, features, prototypes, settings);
        return {
          map: affine(context.graph, sum, 1 / needs.taps.length),
          score,
          parameters: bindLearned(learnables, learned),
        };
      },
    );
  },
});

export const aprilGanFamily = optionsFamily('april-gan', kinds, aprilGanDefaults, aprilGan);
