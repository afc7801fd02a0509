// One configuration of a golden folder: its CLIP, its inputs, and the modes that it has values for.

import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import type { Gpu } from '../../src/gpu/gpu.ts';
import { createDeviceTensor, type DeviceTensor } from '../../src/graph/device-tensor.ts';
import type { TensorSpec } from '../../src/kernels/tensor.ts';
import { type Activation, type ClipConfig, clipConfigFromShapes } from '../../src/model/clip/config.ts';
import { readTokenRows, weightSpecs } from '../../src/model/clip/weights.ts';
import { type FapromptOptions, presets } from '../../src/model/faprompt/options.ts';
import { cutAfterEnd, type FapromptModel, usedTokens } from '../../src/model/faprompt/templates.ts';
import { type GoldenFolder, values } from './folder.ts';

/** The reference's own description of a configuration (reference/ref.py, Cfg and Opts). */
interface ReferenceConfiguration {
  readonly cfg: Readonly<Record<string, number>>;
  readonly modes: Readonly<Record<string, ReferenceMode>>;
  readonly activation?: Activation;
}
export interface ReferenceMode {
  readonly template: string;
  readonly options: {
    readonly select: 'first' | 'topm';
    readonly deep_half: boolean;
    readonly w_map1: number;
    readonly w_map2: number;
    readonly w_oc: number;
    readonly w_prior: number;
    readonly prior_entry: 'mean' | 'sum';
    readonly prior_batch: 'mean' | 'sum';
    readonly use_ce: boolean;
    readonly max_mix: readonly [number, number];
    readonly score_loss: 'logits' | 'prob';
    readonly tau: number;
  };
}

export interface GoldenConfiguration {
  readonly name: string;
  /** Name of its groups in the report. */
  readonly group: string;
  readonly imageSize: number;
  readonly dualLayers: number;
  readonly config: ClipConfig;
  readonly weights: SafetensorsFile;
  readonly inputs: SafetensorsFile;
  readonly modes: Readonly<Record<string, ReferenceMode>>;
  weightSpec(name: string): TensorSpec | undefined;
  readonly tensors: ReadonlyMap<string, DeviceTensor>;
  /** The model of a mode: options, templates, token rows. */
  model(mode: ReferenceMode): Promise<FapromptModel>;
  dispose(): void;
}

/**
 * @param stored file of the weights: the same numbers may be stored as F32 and as F16
 * @returns undefined without the inputs that everything else was computed from
 */
export async function openConfiguration(
  gpu: Gpu,
  golden: GoldenFolder,
  name: string,
  stored: string,
): Promise<GoldenConfiguration | undefined> {
  const description = golden.manifest[name] as ReferenceConfiguration | undefined;
  if (!description?.cfg)
    throw new Error(`manifest.json: no configuration "${name}" for the folder of that name`);
  const { cfg, modes, activation = 'quickgelu' } = description;
  const weights = (await golden.open(`${name}/${stored}`))!;
  const inputs = await golden.open(`${name}/inputs.safetensors`);
  if (!inputs) return undefined;
  const headDim = cfg.head_dim ?? 64;
  const config = clipConfigFromShapes(weights.tensors, { file: weights.source.name, headDim, activation });
  const specs = weightSpecs(config, (tensor) => weights.tensors.get(tensor)?.dtype);
  const tensors = new Map<string, DeviceTensor>();
  for (const [tensor, spec] of specs) {
    const half =
      spec.dtype === 'f16' ? new Uint16Array((await weights.readBytes(tensor)).slice().buffer) : undefined;
    tensors.set(tensor, createDeviceTensor(gpu, tensor, spec, half ?? (await weights.readFloat32(tensor))));
  }
  return {
    name,
    group: stored === 'weights.safetensors' ? name : `${name} (${stored})`,
    imageSize: inputs.tensors.get('images')!.shape[2]!,
    dualLayers: cfg.dual_layers!,
    config,
    weights,
    inputs,
    modes,
    tensors,
    weightSpec: (tensor) => specs.get(tensor),
    async model({ options: o, template }) {
      if (o.deep_half)
        throw new Error(`${name}: the reference's float16 rounding of deep text tokens is not reproduced`);
      const options: FapromptOptions = {
        ...presets.topm,
        normalTokens: cfg.n_pos!,
        abnormalTokens: cfg.n_neg!,
        prompts: cfg.num_prompts!,
        patches: cfg.top_m!,
        layerTokens: cfg.deep_len!,
        layerDepth: cfg.deep_depth!,
        priorFrom: o.select === 'topm' ? 'top' : 'first',
        template: template === 'paper' ? 'paper' : 'code',
        temperature: o.tau,
        map1Weight: o.w_map1,
        map2Weight: o.w_map2,
        orthogonalWeight: o.w_oc,
        priorWeight: o.w_prior,
        priorEntries: o.prior_entry,
        priorImages: o.prior_batch,
        crossEntropy: o.use_ce,
        scoreLoss: o.score_loss,
        maxMix: o.max_mix,
      };
      const templates = {
        normal: cutAfterEnd(Int32Array.from(await values(inputs, `ids_pos/${template}`))),
        abnormal: cutAfterEnd(Int32Array.from(await values(inputs, `ids_neg/${template}`))),
      };
      return {
        clip: config,
        options,
        templates,
        rows: await readTokenRows(weights, config, usedTokens(templates)),
      };
    },
    dispose() {
      for (const { buffer } of tensors.values()) gpu.memory.free(buffer);
    },
  };
}
