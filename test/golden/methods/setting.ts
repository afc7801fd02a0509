// What the golden tensors of the methods were made from: a CLIP, images, and prompts as token ids.
import type { SafetensorsFile } from '../../../src/formats/safetensors.ts';
import type { Gpu } from '../../../src/gpu/gpu.ts';
import { createDeviceTensor } from '../../../src/graph/device-tensor.ts';
import { compile } from '../../../src/graph/executor.ts';
import { type Activation, clipConfigFromShapes } from '../../../src/model/clip/config.ts';
import { buildImageGraph } from '../../../src/model/clip/image-graph.ts';
import type { ImageNeeds } from '../../../src/model/clip/needs.ts';
import { templateTokenizer } from '../../../src/model/clip/tokenizer/tokenizer.ts';
import { bindWeights, type Clip, readTokenRows, weightSpecs } from '../../../src/model/clip/weights.ts';
import { type GoldenFolder, values } from '../folder.ts';
import type { Report } from '../report.ts';

/** The manifest's `texts`: the prompts of the tiny vocabulary. */
interface Texts {
  readonly classes: readonly (readonly number[])[];
  readonly normal: readonly (readonly number[])[];
  readonly abnormal: readonly (readonly number[])[];
  readonly 'templates (before, after)': readonly (readonly [readonly number[], readonly number[]])[];
  readonly 'class of each image': readonly number[];
  readonly anomalyclip: { readonly ids_pos: readonly number[]; readonly ids_neg: readonly number[] };
}

export interface MethodSetting {
  readonly gpu: Gpu;
  readonly golden: GoldenFolder;
  readonly report: Report;
  readonly clip: Clip;
  /** Images of the golden inputs: [count, 3, size, size]. */
  readonly images: Float32Array;
  readonly count: number;
  readonly size: number;
  readonly masks: Float32Array;
  readonly labels: Int32Array;
  readonly texts: Texts;
  /** Start token, end token and full stop. */
  readonly sot: number;
  readonly eot: number;
  readonly dot: number;
}

/** Widths of the heads: of the folder's own description or metadata, of configuration a, or 64 as in most CLIPs. */
function headDimOf(golden: GoldenFolder, shared: GoldenFolder | undefined, weights: SafetensorsFile): number {
  const written = Number(weights.metadata.get('head_dim'));
  if (written > 0) return written;
  for (const folder of [golden, shared]) {
    const { cfg, a } = (folder?.manifest ?? {}) as {
      cfg?: { head_dim?: number };
      a?: { cfg?: { head_dim?: number } };
    };
    const found = cfg?.head_dim ?? a?.cfg?.head_dim;
    if (found !== undefined) return found;
  }
  return 64;
}

/**
 * Weights and inputs at the folder's root stand in for those of configuration a.
 * @param shared the golden folder that has configuration a
 */
export async function openSetting(
  gpu: Gpu,
  golden: GoldenFolder,
  shared: GoldenFolder | undefined,
  report: Report,
): Promise<MethodSetting> {
  const find = async (name: string): Promise<SafetensorsFile> => {
    const found = (await golden.open(name)) ?? (await shared?.open(`a/${name}`));
    if (!found) throw new Error(`${name}: expected in the methods' golden folder or in configuration a`);
    return found;
  };
  const [weights, inputs] = [await find('weights.safetensors'), await find('inputs.safetensors')];
  const texts = golden.manifest.texts as Texts | undefined;
  if (!texts?.anomalyclip) throw new Error('manifest.json: expected `texts`, the prompts as token ids');
  const [count, , size] = inputs.tensors.get('images')!.shape as [number, number, number];
  const { ids_pos: pattern } = texts.anomalyclip;
  return {
    gpu,
    golden,
    report,
    clip: await openClip(gpu, weights, headDimOf(golden, shared, weights)),
    images: await inputs.readFloat32('images'),
    count,
    size,
    masks: await inputs.readFloat32('masks'),
    labels: Int32Array.from(await values(inputs, 'labels')),
    texts,
    sot: pattern[0]!,
    eot: pattern.at(-1)!,
    dot: pattern.at(-2)!,
  };
}

async function openClip(gpu: Gpu, weights: SafetensorsFile, headDim: number): Promise<Clip> {
  const file = weights.source.name;
  const config = clipConfigFromShapes(weights.tensors, { file, headDim, activation: 'quickgelu' });
  const specs = weightSpecs(config, () => 'F32');
  const tensors = new Map(
    await Promise.all(
      [...specs].map(
        async ([name, spec]) =>
          [name, createDeviceTensor(gpu, name, spec, await weights.readFloat32(name))] as const,
      ),
    ),
  );
  return {
    name: file,
    config,
    tokenizer: templateTokenizer(),
    metadata: new Map(),
    weightSpec: (name) => specs.get(name),
    tensors,
    logitScale: async () => Math.exp((await weights.readFloat32('logit_scale'))[0]!),
    tokenRows: (ids) => readTokenRows(weights, config, ids),
    dispose() {
      for (const { buffer } of tensors.values()) gpu.memory.free(buffer);
    },
  };
}

/** The same CLIP with another activation. */
export const withActivation = (clip: Clip, activation: Activation): Clip => ({
  ...clip,
  config: { ...clip.config, activation },
});

/** Token ids of a class's texts of one kind: state outer, template inner. */
export function idsOf({ texts, sot, eot }: MethodSetting, classIndex: number, kind: 'normal' | 'abnormal') {
  const name = texts.classes[classIndex]!;
  return texts[kind].flatMap((state) =>
    texts['templates (before, after)'].map(([before, after]) => [
      sot,
      ...before,
      ...state,
      ...name,
      ...after,
      eot,
    ]),
  );
}

/** Features of the golden images, all in one batch, and what was recorded on the way. */
export async function encodeImages(
  { gpu, size }: Pick<MethodSetting, 'gpu' | 'size'>,
  clip: Clip,
  needs: ImageNeeds,
  batch: { readonly images: Float32Array; readonly count: number },
  recorded: readonly string[] = [],
): Promise<Record<string, Float32Array>> {
  const { model, outputs } = buildImageGraph(clip, size, batch.count, needs);
  const all = { ...outputs, ...Object.fromEntries(recorded.map((name) => [name, model.records.get(name)!])) };
  const executable = await compile(gpu, model.graph, all, { parameters: bindWeights(clip, model.weights) });
  try {
    return (await executable.run({ images: batch.images }, Object.keys(all))) as Record<string, Float32Array>;
  } finally {
    executable.dispose();
  }
}

/** Channels first to channels last: [B, C, n] -> [B, n, C]. */
export function channelsLast(x: Float32Array, batch: number, channels: number): Float32Array {
  const n = x.length / batch / channels;
  const out = new Float32Array(x.length);
  for (let b = 0; b < batch; b++)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < n; i++) out[(b * n + i) * channels + c] = x[(b * channels + c) * n + i]!;
  return out;
}
