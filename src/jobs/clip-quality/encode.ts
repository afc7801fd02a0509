// Features of many images and texts, on the host, in batches.
import type { Gpu } from '../../gpu/gpu.ts';
import { compile } from '../../graph/executor.ts';
import { l2norm } from '../../kernels/l2norm/l2norm.ts';
import { f32 } from '../../kernels/tensor.ts';
import { encodeText } from '../../model/clip/text.ts';
import { clipFeature, defaultDualLayers, encodeImage } from '../../model/clip/vision.ts';
import { bindWeights, type Clip } from '../../model/clip/weights.ts';
import { createModelGraph } from '../../model/context.ts';

/** Unit features of one image. */
export interface ImageReading {
  /** CLIP's own [E]: with ln_post. */
  readonly clip: Float32Array;
  /** FAPrompt's [E]: without. */
  readonly faprompt: Float32Array;
  /** V-V patch features, n times [E]. */
  readonly patches: readonly Float32Array[];
}

/** Encodes preprocessed images, each [3, size, size], `batch` at a time. */
export async function encodeImages(
  { gpu, clip }: { readonly gpu: Gpu; readonly clip: Clip },
  images: readonly Float32Array[],
  size: number,
  { batch = 32, onProgress }: { batch?: number; onProgress?: ((done: number) => void) | undefined } = {},
): Promise<ImageReading[]> {
  const { config } = clip;
  const model = createModelGraph(clip.weightSpec);
  const input = model.graph.input('images', f32(batch, 3, size, size));
  const { image, patches } = encodeImage(model, input, config, defaultDualLayers(config));
  const outputs = { clip: clipFeature(model), faprompt: image, patches };
  const executable = await compile(gpu, model.graph, outputs, {
    parameters: bindWeights(clip, model.weights),
  });
  const readings: ImageReading[] = [];
  try {
    for (let start = 0; start < images.length; start += batch) {
      const part = images.slice(start, start + batch);
      const feed = new Float32Array(batch * 3 * size * size);
      for (const [i, values] of part.entries()) feed.set(values, i * values.length);
      const found = await executable.run({ images: feed }, ['clip', 'faprompt', 'patches']);
      const [ofClip, ofFaprompt, ofPatches] = [found.clip, found.faprompt, found.patches].map((values) =>
        rowsOf(values as Float32Array, config.embedDim),
      ) as [Float32Array[], Float32Array[], Float32Array[]];
      const n = ofPatches.length / batch;
      for (const i of part.keys())
        readings.push({
          clip: ofClip[i]!,
          faprompt: ofFaprompt[i]!,
          patches: ofPatches.slice(i * n, (i + 1) * n),
        });
      onProgress?.(readings.length);
    }
  } finally {
    executable.dispose();
  }
  return readings;
}

/** Unit features [E] of texts; those of one length are encoded together. @throws TokenizerError */
export async function encodeTexts(gpu: Gpu, clip: Clip, texts: readonly string[]): Promise<Float32Array[]> {
  const { config, tokenizer } = clip;
  const rows = texts.map((text) => [tokenizer.sot, ...tokenizer.encode(text), tokenizer.eot]);
  const table = await clip.tokenRows([...new Set(rows.flat())]);
  const features: Float32Array[] = [];
  for (const length of new Set(rows.map((row) => row.length))) {
    const places = [...rows.keys()].filter((i) => rows[i]!.length === length);
    const model = createModelGraph(clip.weightSpec);
    const { graph } = model;
    const embeddings = graph.input('embeddings', f32(places.length, length, config.textWidth));
    const encoded = encodeText(model, { embeddings, start: 0, end: length - 1, name: 'text' }, config);
    const feed = new Float32Array(places.length * length * config.textWidth);
    for (const [k, id] of places.flatMap((i) => rows[i]!).entries())
      feed.set(table.get(id)!, k * config.textWidth);
    const output = l2norm(graph, encoded.features);
    const executable = await compile(
      gpu,
      graph,
      { output },
      { parameters: bindWeights(clip, model.weights) },
    );
    try {
      const found = await executable.run({ embeddings: feed }, ['output']);
      const values = rowsOf(found.output as Float32Array, config.embedDim);
      for (const [k, i] of places.entries()) features[i] = values[k]!;
    } finally {
      executable.dispose();
    }
  }
  return features;
}

const rowsOf = (values: Float32Array, width: number): Float32Array[] =>
  Array.from({ length: values.length / width }, (_, i) => values.subarray(i * width, (i + 1) * width));
