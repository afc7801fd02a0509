// Linear probes: how much of the labels the frozen features hold, whatever the prompts make of it.

import type { Dataset, Sample } from '../../src/data/dataset.ts';
import { type EvalSample, type Evaluation, evaluate } from '../../src/eval/index.ts';
import type { ClipSession } from '../../src/jobs/session.ts';
import { affine } from '../../src/kernels/elementwise/elementwise.ts';
import { matmul } from '../../src/kernels/matmul/matmul.ts';
import { concat } from '../../src/kernels/slice/slice.ts';
import { softmax } from '../../src/kernels/softmax/softmax.ts';
import type { Tensor } from '../../src/kernels/tensor.ts';
import type { HostFeatures } from '../../src/model/clip/image-encoder.ts';
import { fapromptNeeds } from '../../src/model/clip/needs.ts';
import type { Context } from '../../src/model/context.ts';
import { presets } from '../../src/model/faprompt/options.ts';
import { anomalyMap, mixedScore, smoothedMap, smoothingSigma } from '../../src/model/faprompt/score.ts';
import { probabilityMap } from '../../src/model/faprompt/similarity.ts';
import { compileScorer, type Scorer } from '../../src/model/scorer.ts';
import type { FeatureSource } from '../../src/train/features/source.ts';
import { loadMask } from '../../src/train/images.node.ts';
import { resizeMask } from '../../src/train/images.ts';
import { chooseRidge, type Examples, fitLogistic, type Logistic, subset } from './logistic.ts';

/** Folds of a cross-validation over images. */
const folds = 5;
/** Of the patches' regression: thousands of examples, so it hardly matters. */
const patchRidge = 1;
const imageRidges = [0.1, 1, 10, 100, 1000];
/** Evenly taken from all: more patches change a fit of some hundred weights no more. */
const mostPatches = 40_000;

/** An image with its features, and its mask at the CLIP's image size. */
interface Labelled {
  readonly sample: Sample;
  readonly features: HostFeatures;
  readonly mask: Uint8Array | null;
}

interface Probe {
  readonly patches: Logistic;
  readonly image: Logistic;
}

export interface ProbeSetting {
  readonly session: ClipSession;
  readonly features: FeatureSource;
  /** Side of images and maps in pixels. */
  readonly size: number;
}

/** Fitted on one data set, evaluated on another: what could be transferred. */
export async function transferProbe(
  setting: ProbeSetting,
  train: Dataset,
  test: Dataset,
): Promise<Evaluation> {
  const probe = fitProbe(setting, await loadLabelled(setting, train));
  return evaluateProbes(setting, await loadLabelled(setting, test), () => probe);
}

/** Cross-validation over the images of the data set itself: what the features hold. */
export async function capacityProbe(setting: ProbeSetting, test: Dataset): Promise<Evaluation> {
  const images = await loadLabelled(setting, test);
  const foldOf = new Map(images.map((image, i) => [image, i % folds]));
  const probes = Array.from({ length: folds }, (_, fold) =>
    fitProbe(
      setting,
      images.filter((image) => foldOf.get(image) !== fold),
    ),
  );
  return evaluateProbes(setting, images, (image) => probes[foldOf.get(image)!]!);
}

async function loadLabelled({ session, features, size }: ProbeSetting, { samples }: Dataset) {
  const images: Labelled[] = [];
  for (const sample of samples) {
    const loaded = await features.load(sample.image);
    const read = await loadMask(sample, loaded);
    const mask = read ? await resizeMask(session.gpu, read, size) : null;
    images.push({ sample, features: loaded.features, mask });
  }
  return images;
}

function fitProbe({ session, size }: ProbeSetting, images: readonly Labelled[]): Probe {
  const { patch, embedDim: width } = session.clip.config;
  const all: Examples = {
    width,
    features: joined(images.map(({ features }) => features.patches)),
    targets: joined(images.map(({ mask }) => defectiveShares(mask, size, patch))),
  };
  const every = Math.ceil(all.targets.length / mostPatches);
  const patches = subset(all, (n) => n % every === 0);
  const whole: Examples = {
    width,
    features: joined(images.map(({ features }) => features.image)),
    targets: Float32Array.from(images, ({ sample }) => Number(sample.anomaly)),
  };
  const ridge = chooseRidge(
    whole,
    images.map((_, i) => i % folds),
    imageRidges,
  );
  const masked = images.some(({ mask }) => mask !== null);
  return {
    // Without masks nothing is known of patches: all are as likely as not, and the image alone decides.
    patches: masked ? fitLogistic(patches, patchRidge) : { weights: new Float64Array(width), bias: 0 },
    image: fitLogistic(whole, ridge),
  };
}

/** The share of each patch that is defective, row by row. */
export function defectiveShares(mask: Uint8Array | null, size: number, patch: number): Float32Array {
  const grid = size / patch;
  const shares = new Float32Array(grid * grid);
  mask?.forEach((value, i) => {
    const row = Math.floor(Math.floor(i / size) / patch);
    const column = Math.floor((i % size) / patch);
    if (value) shares[row * grid + column]! += 1 / patch ** 2;
  });
  return shares;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A probe's probabilities in place of the prompts', by the same maps and scores. */
function createProbeScorer({ session, size }: ProbeSetting, probe: Probe): Promise<Scorer> {
  const { gpu, clip } = session;
  const { embedDim } = clip.config;
  return compileScorer({ gpu, clip, size, needs: fapromptNeeds(0) }, (context, { image, patches }) => {
    const ofPatches = probabilities(context, 'patches', probe.patches, patches!);
    const ofImage = probabilities(
      context,
      'image',
      probe.image,
      context.graph.view(image!, [1, 1, embedDim]),
    );
    const map = probabilityMap(context, ofPatches, size);
    const score = mixedScore(context, ofImage, [ofPatches, ofPatches], presets.topm.maxMix);
    const shown = smoothedMap(context, anomalyMap(context, { maps: [map, map] }), smoothingSigma(size));
    return { map: shown, score, parameters: [] };
  });
}

/** Softmax of [0, logit]: [1, 2, n] of n rows of features [1, n, E]. */
function probabilities({ graph }: Context, name: string, { weights, bias }: Logistic, rows: Tensor): Tensor {
  const direction = graph.constant(`probe/${name}`, Float32Array.from(weights), [1, 1, weights.length]);
  const logits = affine(graph, matmul(graph, direction, rows, { transposeB: true }), 1, bias);
  return softmax(graph, concat(graph, [affine(graph, logits, 0), logits], 1), { axis: 1 });
}

async function evaluateProbes(
  setting: ProbeSetting,
  images: readonly Labelled[],
  probeOf: (image: Labelled) => Probe,
): Promise<Evaluation> {
  const { size } = setting;
  const scorers = new Map<Probe, Scorer>();
  const scorerOf = async (probe: Probe) => {
    const scorer = scorers.get(probe) ?? (await createProbeScorer(setting, probe));
    scorers.set(probe, scorer);
    return scorer;
  };
  async function* samplesOf(className: string): AsyncGenerator<EvalSample> {
    for (const image of images) {
      const { sample, features, mask } = image;
      if (sample.className !== className) continue;
      const { score, map } = await (await scorerOf(probeOf(image))).score(features, sample.image);
      yield { anomalous: sample.anomaly, defect: sample.defect, score, width: size, height: size, map, mask };
    }
  }
  const classes = [...new Set(images.map(({ sample }) => sample.className))];
  try {
    return await evaluate(classes.map((name) => ({ name, samples: samplesOf(name) })));
  } finally {
    for (const scorer of scorers.values()) scorer.dispose();
  }
}
