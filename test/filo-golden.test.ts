import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { openFile } from '../src/formats/source.node.ts';
import { createDeviceTensor, type DeviceTensor } from '../src/graph/device-tensor.ts';
import { compile } from '../src/graph/executor.ts';
import { gradient } from '../src/graph/gradient.ts';
import { f32, type Tensor } from '../src/kernels/tensor.ts';
import { clipConfigFromShapes, clipTensorShapes } from '../src/model/clip/config.ts';
import { clipNeeds } from '../src/model/clip/needs.ts';
import { encodeFeatures } from '../src/model/clip/vision.ts';
import { createModelGraph, type ModelGraph } from '../src/model/context.ts';
import { insideBoxes } from '../src/model/methods/filo/boxes.ts';
import {
  type FiloTexts,
  filoClass,
  filoDetection,
  filoKernels,
  filoMapLosses,
  filoMaps,
  filoPrototypes,
  filoShapes,
  filoSimilarities,
  kernelParts,
  mergedConvolution,
} from '../src/model/methods/filo/forward.ts';
import { filoTaps } from '../src/model/methods/filo/options.ts';
import { joinValues, splitShapes, splitValues } from '../src/model/methods/parts.ts';
import { testGpu } from './gpu.ts';
import { methodsGolden, openGolden, readManifest } from './methods-golden.ts';
import { sharedPath } from './shared.ts';

/** What the reference's generator has beside the sizes. */
const reference = { start: 14, positions: 3, position: 1 };

const found = (name: string) =>
  [path.join(methodsGolden, name), sharedPath(`golden/a/${name}`)].find((file) => existsSync(file));
const [weightsFile, inputsFile] = [found('weights.safetensors'), found('inputs.safetensors')];
const missing = !existsSync(path.join(methodsGolden, 'filo/filo.safetensors')) || !weightsFile || !inputsFile;
if (missing) console.warn(`skipped: ${methodsGolden}/filo not found (set FAPROMPT_METHODS_GOLDEN to enable)`);

describe.skipIf(missing)('FiLO against the reference', async () => {
  if (missing) return;
  const gpu = await testGpu();
  const weights = await readSafetensors(await openFile(weightsFile!));
  const inputs = await readSafetensors(await openFile(inputsFile!));
  const config = clipConfigFromShapes(weights.tensors, { file: weightsFile! });
  const size = inputs.tensors.get('images')!.shape[2]!;
  const image = await inputs.readFloat32('images', 0, 3 * size * size);
  const masks = await inputs.readFloat32('masks', 0, size * size);
  const specs = clipTensorShapes(config);
  const device = new Map<string, DeviceTensor>();
  for (const [name, shape] of specs)
    device.set(name, createDeviceTensor(gpu, name, f32(...shape), await weights.readFloat32(name)));
  const table = await weights.readFloat32('token_embedding.weight');
  const row = (id: number) => table.slice(id * config.textWidth, (id + 1) * config.textWidth);

  const graphFor = (training = false): ModelGraph =>
    createModelGraph((name) => (specs.has(name) ? f32(...specs.get(name)!) : undefined), { training });
  const run = async (
    model: ModelGraph,
    outputs: Record<string, Tensor>,
    feeds: Record<string, Float32Array | Int32Array>,
    parameters: readonly (readonly [Tensor, DeviceTensor])[] = [],
  ) => {
    const bound = new Map([...model.weights].map(([name, { storage }]) => [storage, device.get(name)!]));
    for (const [tensor, values] of parameters) bound.set(tensor.storage, values);
    const executable = await compile(gpu, model.graph, outputs, { parameters: bound });
    const result = await executable.run(feeds, Object.keys(outputs));
    executable.dispose();
    return result as Record<string, Float32Array>;
  };

  const manifest = (await readManifest()) as unknown as {
    texts: Record<string, Record<'normal' | 'abnormal', number[][]>>;
  };
  const tails = Object.entries(manifest.texts).find(([name]) => name.startsWith('filo'))![1];

  /** The texts of one kind as the graph's constants. */
  const textsOf = ({ graph }: ModelGraph, kind: 'normal' | 'abnormal', position?: number): FiloTexts => {
    const ids = tails[kind];
    const length = Math.max(...ids.map((tail) => tail.length));
    const values = new Float32Array(ids.length * length * config.textWidth);
    ids.forEach((tail, text) => {
      tail.forEach((id, i) => {
        values.set(row(id), (text * length + i) * config.textWidth);
      });
    });
    const chosen = ids.map((_, i) => Number(position === undefined || i % reference.positions === position));
    return {
      tails: graph.constant(`${kind}/tails`, values, [ids.length, length, config.textWidth]),
      ends: graph.constant(
        `${kind}/ends`,
        Int32Array.from(ids, (tail) => tail.length - 1),
        [ids.length, 1],
      ),
      chosen: graph.constant(`${kind}/chosen`, Float32Array.from(chosen), [1, ids.length]),
    };
  };

  /** Learnables: the clean file has them, the convolutions as factors. */
  const clean = await openGolden('filo/filo.safetensors');
  const linears = [...clean.file.tensors.keys()].filter((name) =>
    /^init\/decoder_linear\.fc\.\d+\.weight$/.test(name),
  ).length;
  const tokens = clean.file.tensors.get('init/normal_prompt_learner.ctx')!.shape[0]!;
  const shapes = filoShapes({ tokens, linear: linears, convolutions: linears - 1 }, config);
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const [, kernel, depth, kind] = /^decoder_cov\.fc_(\d\d)\.(\d+)\.(weight|bias)$/.exec(name) ?? [];
    if (kernel === undefined) {
      values.set(name, await clean.read(`init/${name}`));
      continue;
    }
    const out = await clean.read(`factor/out.${kernel}.${depth}`);
    const [E, D, height, width] = filoShapes(
      { tokens, linear: linears, convolutions: linears - 1 },
      config,
    ).get(`decoder_cov.fc_${kernel}.${depth}.weight`) as [number, number, number, number];
    const taps = height * width;
    if (kind === 'bias') {
      values.set(
        name,
        Float32Array.from({ length: E }, (_, o) => 0.01 * out[o * taps]!),
      );
      continue;
    }
    const inner = await clean.read(`factor/in.${kernel}.${depth}`);
    const scale = 0.25 / Math.sqrt(D * taps);
    const weight = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let o = 0; o < E; o++)
      for (let i = 0; i < D; i++)
        for (let tap = 0; tap < taps; tap++)
          weight[(o * D + i) * taps + tap] = out[o * taps + tap]! * inner[i * taps + tap]! * scale;
    values.set(name, weight);
  }

  for (const aliased of [false, true]) {
    const golden = aliased ? await openGolden('filo/filo_aliased.safetensors') : clean;
    const title = aliased ? 'taps as the published code has them' : 'true taps';
    const plan = filoTaps(config, { taps: linears, dualShare: 0.75, aliasedTaps: aliased });
    const needs = { ...clipNeeds, ...plan.needs };

    test(`${title}: the image`, async () => {
      const model = graphFor();
      const features = encodeFeatures(
        model,
        model.graph.input('images', f32(1, 3, size, size)),
        config,
        needs,
      );
      const result = await run(model, features, { images: image });
      await golden.check('raw_cls', result.image!);
      for (const [i, name] of plan.names.entries()) {
        // The reference keeps the class token, too.
        const all = new Float32Array(result[name]!.length + config.visionWidth);
        all.set(result[name]!, config.visionWidth);
        await golden.check(`tap${i}`, all, (at) => at >= config.visionWidth);
      }
    });

    const graphOf = async (training: boolean, position?: number, parts = 1) => {
      const model = graphFor(training);
      const { graph } = model;
      const learnables = new Map(
        [...splitShapes(shapes, kernelParts(linears - 1, parts))].map(
          ([name, shape]) => [name, graph.parameter(name, f32(...shape))] as const,
        ),
      );
      const held = splitValues(values, kernelParts(linears - 1, parts));
      const parameters = [...learnables].map(
        ([name, tensor]) => [tensor, createDeviceTensor(gpu, name, tensor, held.get(name)!)] as const,
      );
      const get = (name: string) => learnables.get(name)!;
      const raw = graph.constant('raw', await golden.read('raw_cls'), [1, config.embedDim]);
      const n = (size / config.patch) ** 2;
      const taps: Tensor[] = [];
      for (const i of plan.names.keys())
        taps.push(
          graph.constant(`tap${i}`, (await golden.read(`tap${i}`)).slice(config.visionWidth), [
            1,
            n,
            config.visionWidth,
          ]),
        );
      const texts = { normal: textsOf(model, 'normal'), abnormal: textsOf(model, 'abnormal', position) };
      const start = graph.constant('start', row(reference.start), [1, config.textWidth]);
      const adapter = position !== undefined;
      const unit = filoClass(model, raw, get, adapter);
      const text = filoPrototypes(model, unit, start, texts, get, config);
      const convolutions = Array.from({ length: linears - 1 }, (_, i) =>
        mergedConvolution(model, i, get, parts),
      );
      const maps = filoMaps(model, taps, text, get, convolutions, size);
      return { model, learnables, parameters, unit, text, maps };
    };

    test(`${title}: detection with the adapter, one position and boxes`, async () => {
      const { model, parameters, unit, text, maps } = await graphOf(false, reference.position);
      const probs = filoSimilarities(model, unit, text);
      const corners = await clean.read('detect/boxes');
      const boxes = Array.from({ length: corners.length / 4 }, (_, i) => [
        ...corners.slice(4 * i, 4 * i + 4),
      ]);
      const inside = model.graph.constant('inside', insideBoxes(boxes as never, size), [size, size]);
      const { map, score } = filoDetection(model, probs, maps, inside);
      const result = await run(model, { probs, map, score }, {}, parameters);
      for (const name of ['probs', 'map', 'score']) await golden.check(`detect/${name}`, result[name]!);
      golden.fractions.set('detect/boxes', 0);
    });

    if (!aliased)
      test.each([1, 2])('phase 1: values, losses, gradients (kernels in %i parts)', async (parts) => {
        const { model, learnables, parameters, text, maps } = await graphOf(true, undefined, parts);
        const losses = filoMapLosses(model, maps, model.graph.constant('masks', masks, [1, size, size]));
        const names = [...learnables.keys()];
        const derivatives = gradient(model.graph, losses.total, [...learnables.values()]);
        const outputs: Record<string, Tensor> = { 'value/text': text };
        for (const [i, map] of maps.entries()) outputs[`value/map${i}`] = map;
        for (const [name, loss] of Object.entries(losses)) outputs[`loss/${name}`] = loss;
        for (const [i, name] of names.entries())
          if (derivatives[i]) outputs[`pgrad/${name}`] = derivatives[i];
        const result = await run(model, outputs, {}, parameters);
        const whole = new Map(
          [...kernelParts(linears - 1, parts)].map(([name, count]) => [`pgrad/${name}`, count]),
        );
        for (const [name, found] of joinValues(new Map(Object.entries(result)), whole)) {
          if (golden.file.tensors.has(name)) {
            await golden.check(name, found);
            continue;
          }
          // Of the large kernels the reference keeps what is left of the gradient after a sum over the channels.
          const summed = name.replace('pgrad/', 'pgrad_sum/');
          if (!golden.file.tensors.has(summed)) continue;
          const taps = golden.file.tensors.get(summed)!.shape.reduce((a, b) => a * b, 1);
          const sums = new Float64Array(taps);
          found.forEach((value, i) => {
            sums[i % taps]! += value;
          });
          await golden.check(summed, Float32Array.from(sums));
        }
      });

    test(`${title}: every tensor of the file was compared`, () => {
      const rest = [...golden.file.tensors.keys()].filter(
        (name) => !/^(init|factor)\//.test(name) && !golden.fractions.has(name),
      );
      expect(rest.filter((name) => name !== 'detect/boxes')).toEqual([]);
      const [worst, fraction] = [...golden.fractions].reduce((a, b) => (b[1] > a[1] ? b : a));
      console.log(
        `filo, ${title}: ${golden.fractions.size} tensors, worst fraction ${fraction.toFixed(3)} (${worst})`,
      );
    });
  }
});

test('the six kernels are those of the checkpoints', () => {
  expect(filoKernels.map(([name, height, width]) => `${name} ${height}x${width}`)).toEqual([
    '77 7x7',
    '11 1x1',
    '33 3x3',
    '55 5x5',
    '15 1x5',
    '51 5x1',
  ]);
});
