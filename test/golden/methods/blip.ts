// BLIP: encoders, the contrastive space, and the learnable pair with its gradients.
import { tensorFile } from '../../../src/formats/tensor-file.ts';
import { createDeviceTensor, type DeviceTensor } from '../../../src/graph/device-tensor.ts';
import { compile } from '../../../src/graph/executor.ts';
import { gradient } from '../../../src/graph/gradient.ts';
import { matmul } from '../../../src/kernels/matmul/matmul.ts';
import { slice } from '../../../src/kernels/slice/slice.ts';
import { f32, type Tensor } from '../../../src/kernels/tensor.ts';
import { blipConfigOf, blipTensorShapes } from '../../../src/model/blip/config.ts';
import { blipTextFeatures, encodeBlipText } from '../../../src/model/blip/text.ts';
import { encodeBlipImage, imageFeatures } from '../../../src/model/blip/vision.ts';
import { blipTensors } from '../../../src/model/checkpoint/blip-names.ts';
import { createModelGraph, type ModelGraph } from '../../../src/model/context.ts';
import { blipPairForward, blipPairLosses } from '../../../src/model/methods/blip/pair.ts';
import type { MethodSetting } from './setting.ts';

/** What the reference's generator has beside the sizes. */
const reference = {
  heads: 2,
  start: 20,
  normal: [3, 4, 21],
  abnormal: [7, 3, 4, 21],
  temperature: 0.07,
  mapWeight: 4,
};

const file = 'blip/blip.safetensors';

export async function checkBlip(setting: MethodSetting): Promise<void> {
  const { gpu, golden, report, images, count: batch, size, masks, labels } = setting;
  const opened = await golden.open(file);
  if (!opened) return void report.notes.push(`no ${file}: skipped`);
  const seen = new Set<string>();
  const compare = (name: string, got: ArrayLike<number>, keep?: (i: number) => boolean) => {
    seen.add(name);
    return report.compare('methods/blip', file, name, got, keep);
  };

  /** The weights in the file, as a checkpoint of BLIP's authors. */
  const own = new Map(
    [...opened.tensors]
      .filter(([name]) => name.startsWith('weights/'))
      .map(([name, info]) => [name.slice('weights/'.length), info]),
  );
  const { file: weights } = blipTensors(
    tensorFile(file, own, new Map(), (name, _, start, length) =>
      opened.readBytes(`weights/${name}`, start, length),
    ),
  );
  const width = own.get('visual_encoder.cls_token')!.shape[2]!;
  const config = blipConfigOf(weights, { headDim: width / reference.heads });
  const shapes = blipTensorShapes(config);
  const device = new Map<string, DeviceTensor>();
  for (const [name, spec] of shapes)
    device.set(name, createDeviceTensor(gpu, name, f32(...spec), await weights.readFloat32(name)));
  const table = await weights.readFloat32('text_encoder.embeddings.word_embeddings.weight');
  const row = (id: number) => table.slice(id * config.textWidth, (id + 1) * config.textWidth);

  const graphFor = (training = false): ModelGraph =>
    createModelGraph((name) => (shapes.has(name) ? f32(...shapes.get(name)!) : undefined), { training });
  const run = async (
    model: ModelGraph,
    outputs: Record<string, Tensor>,
    feeds: Record<string, Float32Array>,
    parameters: readonly (readonly [Tensor, DeviceTensor])[] = [],
  ) => {
    const bound = new Map([...model.weights].map(([name, { storage }]) => [storage, device.get(name)!]));
    for (const [tensor, values] of parameters) bound.set(tensor.storage, values);
    const executable = await compile(gpu, model.graph, outputs, { parameters: bound });
    const found = await executable.run(feeds, Object.keys(outputs));
    executable.dispose();
    return found as Record<string, Float32Array>;
  };

  {
    const model = graphFor();
    const { tokens } = encodeBlipImage(model, model.graph.input('images', f32(batch, 3, size, size)), config);
    const outputs = {
      positions: model.records.get('positions')!,
      image: tokens,
      image_features: imageFeatures(model, tokens),
    };
    const found = await run(model, outputs, { images });
    for (const name of Object.keys(outputs)) await compare(name, found[name]!);
  }

  {
    const ids = await opened.readInt32('ids');
    const [texts, length] = opened.tensors.get('ids')!.shape as [number, number];
    const hidden = await opened.readFloat32('text');
    const similarity: number[] = [];
    const allText = new Float32Array(hidden.length);
    const features: number[] = [];
    const padded: boolean[] = [];
    for (let text = 0; text < texts; text++) {
      const used = ids.slice(text * length, (text + 1) * length).filter((id) => id !== 0);
      const model = graphFor();
      const embeddings = model.graph.input('embeddings', f32(1, used.length, config.textWidth));
      const encoded = encodeBlipText(model, embeddings, config);
      const feature = blipTextFeatures(model, encoded);
      const image = model.graph.input('image', f32(batch, config.embedDim));
      const cosine = matmul(model.graph, image, feature, { transposeB: true });
      const values = new Float32Array(used.length * config.textWidth);
      used.forEach((id, i) => {
        values.set(row(id), i * config.textWidth);
      });
      const all = await opened.readFloat32('image_features');
      const classes = new Float32Array(batch * config.embedDim);
      for (let b = 0; b < batch; b++) {
        const start = (b * all.length) / batch;
        classes.set(all.subarray(start, start + config.embedDim), b * config.embedDim);
      }
      const found = await run(model, { encoded, feature, cosine }, { embeddings: values, image: classes });
      allText.set(found.encoded!, text * length * config.textWidth);
      features.push(...found.feature!);
      for (let b = 0; b < batch; b++) similarity[b * texts + text] = found.cosine![b]!;
      for (let i = 0; i < length * config.textWidth; i++) padded.push(i >= used.length * config.textWidth);
    }
    await compare('text', allText, (i) => !padded[i]);
    await compare('text_features', Float32Array.from(features));
    await compare('similarity', Float32Array.from(similarity));
  }

  {
    const model = graphFor(true);
    const { graph } = model;
    const features = await opened.readFloat32('image_features');
    const tokens = features.length / batch / config.embedDim;
    const all = graph.input('features', f32(batch, tokens, config.embedDim));
    const part = (start: number, end: number) => slice(graph, all, { axis: 1, start, end });
    const ids = [reference.start, ...reference.normal, ...reference.abnormal];
    const words = { ...reference, rows: new Map(ids.map((id) => [id, row(id)])) };
    const options = { ...reference, tokens: opened.tensors.get('init/ctx_pos')!.shape[1]! };
    const result = blipPairForward(
      model,
      { image: graph.view(part(0, 1), [batch, config.embedDim]), patches: part(1, tokens) },
      words,
      { options, config, size },
    );
    const targets = {
      masks: graph.input('masks', f32(batch, size, size)),
      classes: graph.input('classes', { shape: [batch], dtype: 'i32' }),
    };
    const losses = blipPairLosses(model, result, targets, options);
    const learnables = [...result.learnables];
    const derivatives = gradient(
      graph,
      losses.total,
      learnables.map(([, tensor]) => tensor),
    );
    const outputs: Record<string, Tensor> = Object.fromEntries(
      Object.entries(losses).map(([name, tensor]) => [`loss/${name}`, tensor]),
    );
    learnables.forEach(([name], i) => {
      outputs[`pgrad/${name}`] = derivatives[i]!;
    });
    const parameters: [Tensor, DeviceTensor][] = [];
    for (const [name, tensor] of learnables)
      parameters.push([
        tensor,
        createDeviceTensor(gpu, name, tensor, await opened.readFloat32(`init/${name}`)),
      ]);
    const found = await run(
      model,
      outputs,
      {
        features,
        masks: masks,
        classes: labels as unknown as Float32Array,
      },
      parameters,
    );
    for (const name of Object.keys(outputs)) await compare(name, found[name]!);
  }
  for (const name of opened.tensors.keys())
    if (!/^(weights|init)\//.test(name) && name !== 'ids' && !seen.has(name))
      report.add('methods/blip', `${file} ${name}: not compared`, Number.POSITIVE_INFINITY);
  for (const { buffer } of device.values()) gpu.memory.free(buffer);
}
