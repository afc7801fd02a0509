// The loss of a batch of captioned images: CLIP's symmetric cross entropy (Radford et al., 2021, figure 3) with the
// counterparts as hard negatives, and what makes patches speak the captions' language.
import { binaryCrossEntropy } from '../../kernels/binary_cross_entropy/binary_cross_entropy.ts';
import { crossEntropy } from '../../kernels/cross_entropy/cross_entropy.ts';
import { add, affine, multiply, subtract } from '../../kernels/elementwise/elementwise.ts';
import { exp } from '../../kernels/exp/exp.ts';
import { gatherRows } from '../../kernels/gather/gather.ts';
import { l2norm } from '../../kernels/l2norm/l2norm.ts';
import { matmul } from '../../kernels/matmul/matmul.ts';
import { reduce } from '../../kernels/reduce/reduce.ts';
import { concat, slice } from '../../kernels/slice/slice.ts';
import { f32, type Tensor } from '../../kernels/tensor.ts';
import type { ClipConfig } from '../../model/clip/config.ts';
import { encodeText } from '../../model/clip/text.ts';
import { clipFeature, defaultDualLayers, encodeImage } from '../../model/clip/vision.ts';
import type { ModelGraph } from '../../model/context.ts';
import type { PretrainBatch } from './batch.ts';
import { type PretrainSettings, textLength } from './settings.ts';

export interface PretrainLosses {
  readonly contrastive: Tensor;
  /** Patches, weighted with regionWeight by the batch's weights. */
  readonly region: Tensor;
  readonly total: Tensor;
}

/** Builds both towers and the losses; the graph's inputs are PretrainBatch's fields. */
export function pretrainLosses(model: ModelGraph, settings: PretrainSettings): PretrainLosses {
  const { graph, weight } = model;
  const { config, batch } = settings;
  const inputs = pretrainInputs(model, settings);
  const { image, patches } = encodeImage(model, inputs.images, config, defaultDualLayers(config));
  // Both readings of the class token that are in use: FAPrompt's without ln_post, CLIP's with it.
  const readings = [image, clipFeature(model)];
  const texts = encodeTexts(model, inputs.tokens, inputs.ends, config);
  const captions = slice(graph, texts, { axis: 0, start: 0, end: batch });
  const counterparts = slice(graph, texts, { axis: 0, start: batch, end: 2 * batch });
  const scale = exp(graph, graph.view(weight('logit_scale'), [1, 1]));

  const labels = graph.constant(
    'labels',
    Int32Array.from({ length: batch }, (_, i) => i),
    [batch],
  );
  const contrast = (images: Tensor): Tensor => {
    const own = reduce(graph, multiply(graph, images, counterparts), { kind: 'sum', axis: 1 });
    const toText = concat(
      graph,
      [matmul(graph, images, captions, { transposeB: true }), graph.view(own, [batch, 1])],
      1,
    );
    const toImage = matmul(graph, captions, images, { transposeB: true });
    const losses = [toText, toImage].map((cosines) =>
      crossEntropy(graph, multiply(graph, cosines, scale), labels),
    );
    return affine(graph, add(graph, losses[0]!, losses[1]!), 0.5);
  };
  const terms = readings.map(contrast);
  const contrastive = affine(graph, add(graph, terms[0]!, terms[1]!), 0.5);

  // Towards "abnormal": from the normal to the abnormal text of the image's own pair.
  const direction = multiply(graph, subtract(graph, captions, counterparts), inputs.signs);
  const towards = matmul(graph, patches, graph.view(direction, [batch, 1, config.embedDim]), {
    transposeB: true,
  });
  const region = binaryCrossEntropy(
    graph,
    multiply(graph, towards, graph.view(scale, [1, 1, 1])),
    inputs.abnormalPatches,
    inputs.normalPatches,
  );
  return { contrastive, region, total: add(graph, contrastive, region) };
}

/** Places of a batch in the graph. */
function pretrainInputs(
  { graph }: ModelGraph,
  { config, batch, imageSize }: PretrainSettings,
): Record<keyof PretrainBatch, Tensor> {
  const texts = 2 * batch;
  const patches = (imageSize / config.patch) ** 2;
  const ofPatches = f32(batch, patches, 1);
  return {
    images: graph.input('images', f32(batch, 3, imageSize, imageSize)),
    tokens: graph.input('tokens', { shape: [texts, textLength], dtype: 'i32' }),
    ends: graph.input('ends', { shape: [texts, 1], dtype: 'i32' }),
    signs: graph.input('signs', f32(batch, 1)),
    abnormalPatches: graph.input('abnormalPatches', ofPatches),
    normalPatches: graph.input('normalPatches', ofPatches),
  };
}

/** Unit features [T, E] of token rows that end where `ends` says. */
function encodeTexts(model: ModelGraph, tokens: Tensor, ends: Tensor, config: ClipConfig): Tensor {
  const { graph, weight } = model;
  const table = graph.view(weight('token_embedding.weight'), [1, config.vocabSize, config.textWidth]);
  const embeddings = gatherRows(graph, table, tokens);
  const { features } = encodeText(model, { embeddings, start: 0, end: ends, name: 'text' }, config);
  return l2norm(graph, features);
}
