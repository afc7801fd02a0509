// The image encoder's intermediates.
import type { Gpu } from '../../src/gpu/gpu.ts';
import { compile } from '../../src/graph/executor.ts';
import { f32 } from '../../src/kernels/tensor.ts';
import { encodeImage } from '../../src/model/clip/vision.ts';
import { bindWeights } from '../../src/model/clip/weights.ts';
import { createModelGraph } from '../../src/model/context.ts';
import type { GoldenConfiguration } from './configuration.ts';
import type { GoldenFolder } from './folder.ts';
import type { Report } from './report.ts';

/** Unit features of the batch. */
export interface BatchFeatures {
  readonly image: Float32Array;
  readonly patches: Float32Array;
}

export async function checkVision(
  gpu: Gpu,
  golden: GoldenFolder,
  configuration: GoldenConfiguration,
  report: Report,
): Promise<BatchFeatures> {
  const { name, config, inputs, imageSize, dualLayers } = configuration;
  const model = createModelGraph(configuration.weightSpec);
  const batch = inputs.tensors.get('images')!.shape[0]!;
  const images = model.graph.input('images', f32(batch, 3, imageSize, imageSize));
  const features = encodeImage(model, images, config, dualLayers);
  const outputs = { ...Object.fromEntries(model.records), ...features };
  const executable = await compile(gpu, model.graph, outputs, {
    batch: true,
    parameters: bindWeights(configuration, model.weights),
  });
  const got = await executable.run({ images: await inputs.readFloat32('images') }, Object.keys(outputs));
  executable.dispose();
  const path = `${name}/vision.safetensors`;
  const file = await golden.open(path);
  if (!file) report.notes.push(`no ${path}: image encoder intermediates skipped`);
  for (const tensor of file?.tensors.keys() ?? []) {
    const found = got[tensor];
    if (!found) throw new Error(`${path}: this engine records nothing named "${tensor}"`);
    await report.compare(`${configuration.group}/vision`, path, tensor, found);
  }
  return { image: got.image as Float32Array, patches: got.patches as Float32Array };
}
