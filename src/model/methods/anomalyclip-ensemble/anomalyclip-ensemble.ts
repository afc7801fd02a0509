// AnomalyCLIP Ensemble (FAPrompt, section 4.2, table 5; no code is published): N AnomalyCLIPs that differ in their seeds.
//
//   outputs:     score and map are the means of the N scores and maps
//   prototypes:  u(mean of the N features) of either kind, then one AnomalyCLIP
//
// The paper does not give N; 10, as many as FAPrompt has prompts. The N models are trained side by side, in one step, on
// the same batches: their losses are added, and no learnable is in two of them.

import { createRandom, deriveSeed } from '../../../base/random.ts';
import { add, affine } from '../../../kernels/elementwise/elementwise.ts';
import { l2norm } from '../../../kernels/l2norm/l2norm.ts';
import { concat } from '../../../kernels/slice/slice.ts';
import type { Shape, Tensor } from '../../../kernels/tensor.ts';
import type { ClipConfig } from '../../clip/config.ts';
import { fapromptNeeds } from '../../clip/needs.ts';
import { defaultDualLayers, type ImageFeatures } from '../../clip/vision.ts';
import type { Context } from '../../context.ts';
import { type Forward, forward } from '../../faprompt/forward.ts';
import { initialLearnables, learnableShapes } from '../../faprompt/learnables.ts';
import { losses } from '../../faprompt/losses.ts';
import { type FapromptOptions, presets } from '../../faprompt/options.ts';
import { anomalyMap, scores, smoothedMap, smoothingSigma } from '../../faprompt/score.ts';
import { loadTemplates } from '../../faprompt/scorer.ts';
import { probabilities } from '../../faprompt/similarity.ts';
import type { FapromptModel } from '../../faprompt/templates.ts';
import { compileScorer } from '../../scorer.ts';
import type { ValueKind } from '../../value-kinds.ts';
import { publishedSchedule } from '../faprompt/faprompt.ts';
import { bindLearned } from '../learned.ts';
import { type Method, methodHead } from '../method.ts';
import { adamOptimizer } from '../optimizer.ts';
import { optionsFamily } from '../option-values.ts';

export interface EnsembleOptions {
  /** N. */
  readonly models: number;
  readonly reading: 'outputs' | 'prototypes';
}

export const ensembleDefaults: EnsembleOptions = { models: 10, reading: 'outputs' };

const kinds: Record<keyof EnsembleOptions, ValueKind> = {
  models: { kind: 'count', min: 1 },
  reading: { kind: 'choice', values: ['outputs', 'prototypes'] },
};

/** A learnable's name: that of AnomalyCLIP, of model i. */
const ofModel = (i: number, name: string): string => `model${i}/${name}`;

const shapesOf = (models: number, options: FapromptOptions, clip: ClipConfig): Map<string, Shape> =>
  new Map(
    Array.from({ length: models }, (_, i) => i).flatMap((i) =>
      [...learnableShapes(options, clip)].map(([name, shape]) => [ofModel(i, name), shape] as const),
    ),
  );

/** The N models on the same features, and their learnables by name. */
export function memberForwards(
  context: Context,
  model: FapromptModel,
  features: ImageFeatures,
  { size, models }: { readonly size: number; readonly models: number },
): { members: Forward[]; learnables: Map<string, Tensor> } {
  const members = Array.from({ length: models }, () => forward(context, model, features, { size }));
  const learnables = new Map(
    members.flatMap((member, i) =>
      [...member.learnables.all].map(([name, tensor]) => [ofModel(i, name), tensor] as const),
    ),
  );
  return { members, learnables };
}

const mean = ({ graph }: Context, all: readonly Tensor[]): Tensor =>
  affine(
    graph,
    all.reduce((a, b) => add(graph, a, b)),
    1 / all.length,
  );

export interface EnsembleReading extends Pick<EnsembleOptions, 'reading'> {
  /** Of each model. */
  readonly options: FapromptOptions;
  /** Side of the map in pixels. */
  readonly size: number;
}

/** Score [B] and map before smoothing [B, S, S]. */
export function ensembleOutputs(
  context: Context,
  members: readonly Forward[],
  features: ImageFeatures,
  { reading, options, size }: EnsembleReading,
): { score: Tensor; map: Tensor; prototypes?: Tensor } {
  if (reading === 'outputs')
    return {
      score: mean(
        context,
        members.map(({ score }) => score),
      ),
      map: mean(
        context,
        members.map((member) => anomalyMap(context, member)),
      ),
    };
  const { graph } = context;
  const kind = (of: (member: Forward) => Tensor) => mean(context, members.map(of));
  const width = members[0]!.abnormalFeatures.shape.at(-1)!;
  const both = concat(graph, [kind((m) => m.normalFeatures), kind((m) => m.abnormalFeatures)], 0);
  const prototypes = l2norm(graph, graph.view(both, [1, 2, width]));
  const p = probabilities(context, features.patches, prototypes, options.temperature);
  const found = scores(
    context,
    { image: features.image, text: prototypes, patches: [p, p] },
    { ...options, size },
  );
  return { score: found.score, map: anomalyMap(context, found), prototypes };
}

/** @param title for people; @param own how many models, and whether their outputs or their prototypes are averaged */
export function anomalyclipEnsemble(name: string, title: string, own: EnsembleOptions): Method {
  const options = presets.anomalyclip;
  const { models } = own;
  return {
    ...methodHead('anomalyclip-ensemble', name, title, own),
    namesClass: false,
    needs: (clip, { dualLayers = defaultDualLayers(clip) } = {}) => fapromptNeeds(dualLayers),
    learning: {
      schedule: publishedSchedule,
      optimizer: adamOptimizer(),
      shapes: (clip) => shapesOf(models, options, clip),
      async initial(clip, seed) {
        const values = new Map<string, Float32Array>();
        for (let i = 0; i < models; i++) {
          const random = createRandom(deriveSeed(seed, 'learnables', i));
          for (const [key, value] of initialLearnables(learnableShapes(options, clip.config), random))
            values.set(ofModel(i, key), value);
        }
        return values;
      },
      async prepare({ clip, size }) {
        const model = await loadTemplates(clip, options);
        return {
          build(context, { image, patches }, targets) {
            const features = { image: image!, patches: patches! };
            const { members, learnables } = memberForwards(context, model, features, { size, models });
            const all = members.map((member) => losses(context, member, targets, { options }).total);
            return { learnables, losses: { total: all.reduce((a, b) => add(context.graph, a, b)) } };
          },
        };
      },
    },
    async scorer({ gpu, clip, size, needs, learned }) {
      const model = await loadTemplates(clip, options);
      return compileScorer({ gpu, clip, size, needs }, (context, { image, patches }) => {
        const features = { image: image!, patches: patches! };
        const { members, learnables } = memberForwards(context, model, features, { size, models });
        const { score, map } = ensembleOutputs(context, members, features, {
          ...own,
          options,
          size,
        });
        return {
          map: smoothedMap(context, map, smoothingSigma(size, options.sigma)),
          score,
          parameters: bindLearned(learnables, learned),
        };
      });
    },
  };
}

export const ensembleFamily = optionsFamily(
  'anomalyclip-ensemble',
  kinds,
  ensembleDefaults,
  anomalyclipEnsemble,
);
