// CoOp (Zhou et al., IJCV 2022) and CoCoOp (Zhou et al., CVPR 2022), for anomalies as AnomalyCLIP's baselines are said to
// be (from memory of its appendix; no code is published): the two classes are "normal [cls]" and "anomalous [cls]".
//
//   prompts [SOT] V1..VM normal [cls] . [EOT] and [SOT] V1..VM anomalous [cls] . [EOT]       the same V in both
//   CoCoOp: V_m + net(f) for every image, net = linear, ReLU, linear
//   logits = exp(logit_scale) [f u(g_n), f u(g_a)], f the class feature with ln_post
//   loss = mean CE(logits, y): image labels only;  score = softmax(logits)_a;  map as in ../clip/clip.ts
//
// SGD with momentum, a cosine per epoch. Not built: random crops and flips (features come from the cache).

import { createRandom, deriveSeed } from '../../../base/random.ts';
import { crossEntropy } from '../../../kernels/cross_entropy/cross_entropy.ts';
import { add, expand, subtract } from '../../../kernels/elementwise/elementwise.ts';
import { gatherRows } from '../../../kernels/gather/gather.ts';
import { l2norm } from '../../../kernels/l2norm/l2norm.ts';
import { linear, matmul } from '../../../kernels/matmul/matmul.ts';
import { relu } from '../../../kernels/relu/relu.ts';
import { concat, slice } from '../../../kernels/slice/slice.ts';
import { softmax } from '../../../kernels/softmax/softmax.ts';
import { f32, type Shape, type Tensor } from '../../../kernels/tensor.ts';
import type { ClipConfig } from '../../clip/config.ts';
import { clipNeeds } from '../../clip/needs.ts';
import { encodeText } from '../../clip/text.ts';
import type { Context } from '../../context.ts';
import { smoothingSigma } from '../../faprompt/score.ts';
import { abnormalChannel } from '../../faprompt/similarity.ts';
import { compileScorer } from '../../scorer.ts';
import type { ValueKind } from '../../value-kinds.ts';
import { clipForward } from '../clip/clip.ts';
import { bindLearned } from '../learned.ts';
import { type Learner, type Learning, type Method, methodHead } from '../method.ts';
import { sgdOptimizer } from '../optimizer.ts';
import { optionsFamily } from '../option-values.ts';
import { type ClassTails, classTails, tailsFeed } from './tails.ts';

export interface CoopOptions {
  /** M: learnable context tokens; with `initial: 'phrase'` as many as the phrase has. */
  readonly context: number;
  /** N(0, 0.02^2), or the embeddings of a phrase. */
  readonly initial: 'random' | 'phrase';
  readonly phrase: string;
  /** The two states; "{class}" stands for the class of the image. */
  readonly normal: string;
  readonly abnormal: string;
  /** `image`: the context is shifted for every image (CoCoOp). */
  readonly shift: 'none' | 'image';
  /** Sigma of the map's smoothing in pixels, at 518. */
  readonly sigma: number;
}

export const coopDefaults: CoopOptions = {
  context: 16,
  initial: 'random',
  phrase: 'a photo of a',
  normal: 'normal {class}',
  abnormal: 'anomalous {class}',
  shift: 'none',
  sigma: 4,
};

export const cocoopDefaults: CoopOptions = { ...coopDefaults, context: 4, initial: 'phrase', shift: 'image' };

const kinds: Record<keyof CoopOptions, ValueKind> = {
  context: { kind: 'count', min: 1 },
  initial: { kind: 'choice', values: ['random', 'phrase'] },
  phrase: { kind: 'text' },
  normal: { kind: 'text' },
  abnormal: { kind: 'text' },
  shift: { kind: 'choice', values: ['none', 'image'] },
  sigma: { kind: 'number', min: 0 },
};

/** `ctx` [M, D], and with a shift the network's tensors under CoCoOp's names. */
export function coopShapes(
  { context, shift }: Pick<CoopOptions, 'context' | 'shift'>,
  { textWidth, embedDim }: ClipConfig,
): Map<string, Shape> {
  const shapes = new Map<string, Shape>([['ctx', [context, textWidth]]]);
  if (shift === 'none') return shapes;
  const hidden = Math.max(1, Math.floor(embedDim / 16));
  return shapes
    .set('meta_net.linear1.weight', [hidden, embedDim])
    .set('meta_net.linear1.bias', [hidden])
    .set('meta_net.linear2.weight', [textWidth, hidden])
    .set('meta_net.linear2.bias', [textWidth]);
}

/** What the texts of a batch are made of. */
export interface CoopTexts {
  /** Embedding of the start token: [D]. */
  readonly start: Float32Array;
  /** What follows the context, padded behind the end token: [2 U, L, D], the normal one of each class first. */
  readonly tails: Tensor;
  /** Row of each text's end token: i32 [2 U, 1]. */
  readonly ends: Tensor;
  /** Which of the U classes each image is of: i32 [1, B]; absent: text i is of image i. */
  readonly classOf?: Tensor;
}

export interface CoopForward {
  readonly learnables: ReadonlyMap<string, Tensor>;
  /** Unit prototypes of each image [B, 2, E]. */
  readonly text: Tensor;
  /** Less the normal one's: [B, 2]. */
  readonly logits: Tensor;
  /** [B]. */
  readonly score: Tensor;
}

export interface CoopModel {
  readonly options: Pick<CoopOptions, 'context' | 'shift'>;
  readonly clip: ClipConfig;
  /** CLIP's own: exp(logit_scale). */
  readonly scale: number;
}

/** @param image unit class features with ln_post [B, E] */
export function coopForward(
  context: Context,
  image: Tensor,
  { start, tails, ends, classOf }: CoopTexts,
  { options, clip, scale }: CoopModel,
): CoopForward {
  const { graph, record } = context;
  const [images, embed] = image.shape as [number, number];
  const [texts, , width] = tails.shape as [number, number, number];
  const learnables = new Map(
    [...coopShapes(options, clip)].map(([name, shape]) => [name, graph.parameter(name, f32(...shape))]),
  );
  const own = graph.view(learnables.get('ctx')!, [1, 1, options.context, width]);
  let vectors: Tensor = own;
  if (options.shift === 'image') {
    const layer = (i: number, x: Tensor) =>
      linear(graph, x, learnables.get(`meta_net.linear${i}.weight`)!, {
        bias: learnables.get(`meta_net.linear${i}.bias`)!,
      });
    const shift = record('shift', layer(2, relu(graph, layer(1, image))));
    vectors = add(graph, own, graph.view(shift, [images, 1, 1, width]));
  }
  // Both texts of a class, or of an image, begin with the same vectors.
  const both = expand(graph, vectors, [texts / 2, 2, options.context, width]);
  const first = expand(graph, graph.constant('start', start, [1, 1, width]), [texts, 1, width]);
  const embeddings = concat(graph, [first, graph.view(both, [texts, options.context, width]), tails], 1);
  const { features } = encodeText(context, { embeddings, start: 0, end: ends, name: 'coop' }, clip);
  const unit = l2norm(graph, features);
  const perImage = classOf ? gatherRows(graph, graph.view(unit, [1, texts / 2, 2 * embed]), classOf) : unit;
  const text = record('text', graph.view(perImage, [images, 2, embed]));
  // Only the logits' difference counts. Of the texts' difference it keeps the digits that logits of 30 have lost.
  const [normal, abnormal] = [0, 1].map((i) => slice(graph, text, { axis: 1, start: i, end: i + 1 }));
  const rows = graph.view(image, [images, 1, embed]);
  const difference = matmul(graph, subtract(graph, abnormal!, normal!), rows, { transposeB: true, scale });
  const zeros = graph.constant('zeros', new Float32Array(images), [images, 1]);
  const logits = record('logits', concat(graph, [zeros, graph.view(difference, [images, 1])], 1));
  const p = graph.view(softmax(graph, logits, { axis: 1 }), [images, 2, 1]);
  return {
    learnables,
    text,
    logits,
    score: record('score', graph.view(abnormalChannel(context, p), [images])),
  };
}

/** Temperature of the map, which is made as CLIP's. */
const mapTemperature = 0.01;

const learning = (options: CoopOptions): Learning => ({
  schedule:
    options.shift === 'none'
      ? { epochs: 50, batch: 32, learningRate: 0.002 }
      : { epochs: 10, batch: 1, learningRate: 0.002 },
  optimizer: sgdOptimizer(),
  shapes: (clip) => coopShapes(options, clip),
  async initial(clip, seed, tokenizer) {
    const random = createRandom(deriveSeed(seed, 'learnables'));
    const shapes = coopShapes(options, clip.config);
    const values = new Map<string, Float32Array>();
    for (const [name, shape] of shapes) {
      const layer = /^meta_net\.linear\d/.exec(name);
      const bound = layer ? shapes.get(`${layer[0]}.weight`)![1]! ** -0.5 : 0;
      const draw = layer ? () => bound * (2 * random.next() - 1) : () => 0.02 * random.normal();
      values.set(name, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw));
    }
    if (options.initial === 'phrase') {
      const ids = ((await tokenizer?.()) ?? clip.tokenizer).encode(options.phrase);
      if (ids.length !== options.context)
        throw new RangeError(
          `context: expected ${ids.length}, the tokens of "${options.phrase}", found ${options.context}`,
        );
      const rows = await clip.tokenRows(ids);
      const ctx = values.get('ctx')!;
      ids.forEach((id, i) => {
        ctx.set(rows.get(id)!, i * clip.config.textWidth);
      });
    }
    return values;
  },
  prepare: async ({ clip, classes, tokenizer }) =>
    coopLearner(await classTails(clip, (await tokenizer?.()) ?? clip.tokenizer, options, classes), {
      options,
      clip: clip.config,
      scale: await clip.logitScale(),
    }),
});

/** CoOp's part of a step. */
export function coopLearner(tails: ClassTails, coopModel: CoopModel): Learner {
  const { options } = coopModel;
  const perImage = options.shift === 'image';
  /** Distinct classes of a batch have a place each, unless every image has. */
  const places = (images: number) => (perImage ? images : Math.min(images, tails.of.size));
  return {
    build(model, { image }, { classes: labels }) {
      const { graph } = model;
      const images = image!.shape[0]!;
      const texts: CoopTexts = {
        start: tails.start,
        tails: graph.input('tails', f32(2 * places(images), tails.length, tails.width)),
        ends: graph.input('ends', { shape: [2 * places(images), 1], dtype: 'i32' }),
        ...(perImage ? {} : { classOf: graph.input('classOf', { shape: [1, images], dtype: 'i32' }) }),
      };
      const { learnables, logits } = coopForward(model, image!, texts, coopModel);
      return { learnables, losses: { total: crossEntropy(graph, logits, labels) } };
    },
    feeds(names) {
      if (perImage) return tailsFeed(tails, options.context, names);
      const distinct = [...new Set(names)];
      const slots = Array.from({ length: places(names.length) }, (_, i) => distinct[i] ?? distinct[0]!);
      const classOf = Int32Array.from(names, (name) => distinct.indexOf(name));
      return { ...tailsFeed(tails, options.context, slots), classOf };
    },
  };
}

export const coop = (name: string, title: string, options: CoopOptions): Method => ({
  ...methodHead('coop', name, title, options),
  namesClass: [options.normal, options.abnormal].some((state) => state.includes('{class}')),
  needs: () => clipNeeds,
  learning: learning(options),
  async scorer({ gpu, clip, size, needs, className = 'object', tokenizer, learned }) {
    const words = (await tokenizer?.()) ?? clip.tokenizer;
    const tails: ClassTails = await classTails(clip, words, options, [className]);
    const scale = await clip.logitScale();
    return compileScorer({ gpu, clip, size, needs }, (context, features) => {
      const { graph } = context;
      const images = features.image!.shape[0]!;
      // With a shift every image has texts of its own.
      const places = options.shift === 'image' ? images : 1;
      const feed = tailsFeed(tails, options.context, new Array<string>(places).fill(className));
      const texts = {
        start: tails.start,
        tails: graph.constant('tails', feed.tails, [2 * places, tails.length, tails.width]),
        ends: graph.constant('ends', feed.ends, [2 * places, 1]),
        ...(places === images
          ? {}
          : { classOf: graph.constant('classOf', new Int32Array(images), [1, images]) }),
      };
      const { learnables, text, score } = coopForward(context, features.image!, texts, {
        options,
        clip: clip.config,
        scale,
      });
      const settings = { temperature: mapTemperature, sigma: smoothingSigma(size, options.sigma), size };
      const { map } = clipForward(context, features, text, settings);
      return { map, score, parameters: bindLearned(learnables, learned) };
    });
  },
});

export const coopFamily = optionsFamily('coop', kinds, coopDefaults, coop);
