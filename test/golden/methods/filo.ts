// FiLO: taps (true, and as the published code leaves them), maps, losses, gradients, detection with boxes.
import { createDeviceTensor, type DeviceTensor } from '../../../src/graph/device-tensor.ts';
import { compile } from '../../../src/graph/executor.ts';
import { gradient } from '../../../src/graph/gradient.ts';
import { f32, type Tensor } from '../../../src/kernels/tensor.ts';
import { clipNeeds } from '../../../src/model/clip/needs.ts';
import { encodeFeatures } from '../../../src/model/clip/vision.ts';
import { bindWeights } from '../../../src/model/clip/weights.ts';
import { createModelGraph, type ModelGraph } from '../../../src/model/context.ts';
import { insideBoxes } from '../../../src/model/methods/filo/boxes.ts';
import { filoMaps, kernelParts, mergedConvolution } from '../../../src/model/methods/filo/decoder.ts';
import {
  type FiloTexts,
  filoClass,
  filoDetection,
  filoMapLosses,
  filoPrototypes,
  filoShapes,
  filoSimilarities,
} from '../../../src/model/methods/filo/forward.ts';
import { filoTaps } from '../../../src/model/methods/filo/options.ts';
import { joinValues, splitShapes, splitValues } from '../../../src/model/methods/parts.ts';
import type { MethodSetting } from './setting.ts';

/** What the reference's generator has beside the sizes. */
const reference = { positions: 3, position: 1 };

const cleanFile = 'filo/filo.safetensors';

export async function checkFilo(setting: MethodSetting): Promise<void> {
  const { gpu, golden, report, clip, images, size, masks, sot } = setting;
  const { config } = clip;
  const clean = await golden.open(cleanFile);
  if (!clean) return void report.notes.push(`no ${cleanFile}: skipped`);
  const held: DeviceTensor[] = [];
  const hold = (...given: Parameters<typeof createDeviceTensor>) => {
    const made = createDeviceTensor(...given);
    held.push(made);
    return made;
  };

  const graphFor = (training = false): ModelGraph => createModelGraph(clip.weightSpec, { training });
  const run = async (
    model: ModelGraph,
    outputs: Record<string, Tensor>,
    feeds: Record<string, Float32Array | Int32Array>,
    parameters: readonly (readonly [Tensor, DeviceTensor])[] = [],
  ) => {
    const bound = bindWeights(clip, model.weights);
    for (const [tensor, values] of parameters) bound.set(tensor.storage, values);
    const executable = await compile(gpu, model.graph, outputs, { parameters: bound });
    const result = await executable.run(feeds, Object.keys(outputs));
    executable.dispose();
    return result as Record<string, Float32Array>;
  };

  const described = golden.manifest.texts as Record<string, Record<'normal' | 'abnormal', number[][]>>;
  const tails = Object.entries(described).find(([name]) => name.startsWith('filo'))![1];

  const rows = await clip.tokenRows([...new Set([sot, ...tails.normal.flat(), ...tails.abnormal.flat()])]);

  /** The texts of one kind as the graph's constants. */
  const textsOf = ({ graph }: ModelGraph, kind: 'normal' | 'abnormal', position?: number): FiloTexts => {
    const ids = tails[kind];
    const length = Math.max(...ids.map((tail) => tail.length));
    const values = new Float32Array(ids.length * length * config.textWidth);
    ids.forEach((tail, text) => {
      tail.forEach((id, i) => {
        values.set(rows.get(id)!, (text * length + i) * config.textWidth);
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

  const linears = [...clean.tensors.keys()].filter((name) =>
    /^init\/decoder_linear\.fc\.\d+\.weight$/.test(name),
  ).length;
  const tokens = clean.tensors.get('init/normal_prompt_learner.ctx')!.shape[0]!;
  const shapes = filoShapes({ tokens, linear: linears, convolutions: linears - 1 }, config);
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const [, kernel, depth, kind] = /^decoder_cov\.fc_(\d\d)\.(\d+)\.(weight|bias)$/.exec(name) ?? [];
    if (kernel === undefined) {
      values.set(name, await clean.readFloat32(`init/${name}`));
      continue;
    }
    const out = await clean.readFloat32(`factor/out.${kernel}.${depth}`);
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
    const inner = await clean.readFloat32(`factor/in.${kernel}.${depth}`);
    const scale = 0.25 / Math.sqrt(D * taps);
    const weight = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let o = 0; o < E; o++)
      for (let i = 0; i < D; i++)
        for (let tap = 0; tap < taps; tap++)
          weight[(o * D + i) * taps + tap] = out[o * taps + tap]! * inner[i * taps + tap]! * scale;
    values.set(name, weight);
  }

  for (const aliased of [false, true]) {
    const file = aliased ? 'filo/filo_aliased.safetensors' : cleanFile;
    const opened = aliased ? await golden.open(file) : clean;
    if (!opened) {
      report.notes.push(`no ${file}: skipped`);
      continue;
    }
    const seen = new Set<string>(['detect/boxes']);
    const compare = (name: string, got: ArrayLike<number>, keep?: (i: number) => boolean) => {
      seen.add(name);
      return report.compare('methods/filo', file, name, got, keep);
    };
    const plan = filoTaps(config, { taps: linears, dualShare: 0.75, aliasedTaps: aliased });
    const needs = { ...clipNeeds, ...plan.needs };

    {
      const model = graphFor();
      const features = encodeFeatures(
        model,
        model.graph.input('images', f32(1, 3, size, size)),
        config,
        needs,
      );
      const result = await run(model, features, { images: images.slice(0, 3 * size * size) });
      await compare('raw_cls', result.image!);
      for (const [i, name] of plan.names.entries()) {
        // The reference keeps the class token, too.
        const all = new Float32Array(result[name]!.length + config.visionWidth);
        all.set(result[name]!, config.visionWidth);
        await compare(`tap${i}`, all, (at) => at >= config.visionWidth);
      }
    }

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
        ([name, tensor]) => [tensor, hold(gpu, name, tensor, held.get(name)!)] as const,
      );
      const get = (name: string) => learnables.get(name)!;
      const raw = graph.constant('raw', await opened.readFloat32('raw_cls'), [1, config.embedDim]);
      const n = (size / config.patch) ** 2;
      const taps: Tensor[] = [];
      for (const i of plan.names.keys())
        taps.push(
          graph.constant(`tap${i}`, (await opened.readFloat32(`tap${i}`)).slice(config.visionWidth), [
            1,
            n,
            config.visionWidth,
          ]),
        );
      const texts = { normal: textsOf(model, 'normal'), abnormal: textsOf(model, 'abnormal', position) };
      const start = graph.constant('start', rows.get(sot)!, [1, config.textWidth]);
      const adapter = position !== undefined;
      const unit = filoClass(model, raw, get, adapter);
      const text = filoPrototypes(model, unit, { start, ...texts }, { get, clip: config });
      const convolutions = Array.from({ length: linears - 1 }, (_, i) =>
        mergedConvolution(model, i, get, parts),
      );
      const maps = filoMaps(model, taps, text, { get, convolutions, size });
      return { model, learnables, parameters, unit, text, maps };
    };

    {
      const { model, parameters, unit, text, maps } = await graphOf(false, reference.position);
      const probs = filoSimilarities(model, unit, text);
      const corners = await clean.readFloat32('detect/boxes');
      const boxes = Array.from({ length: corners.length / 4 }, (_, i) => [
        ...corners.slice(4 * i, 4 * i + 4),
      ]);
      const inside = model.graph.constant('inside', insideBoxes(boxes as never, size), [size, size]);
      const { map, score } = filoDetection(model, probs, maps, inside);
      const result = await run(model, { probs, map, score }, {}, parameters);
      for (const name of ['probs', 'map', 'score']) await compare(`detect/${name}`, result[name]!);
    }

    if (!aliased)
      for (const parts of [1, 2]) {
        const { model, learnables, parameters, text, maps } = await graphOf(true, undefined, parts);
        const losses = filoMapLosses(
          model,
          maps,
          model.graph.constant('masks', masks.slice(0, size * size), [1, size, size]),
        );
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
          if (opened.tensors.has(name)) {
            await compare(name, found);
            continue;
          }
          // Of the large kernels the reference keeps what is left of the gradient after a sum over the channels.
          const summed = name.replace('pgrad/', 'pgrad_sum/');
          if (!opened.tensors.has(summed)) continue;
          const taps = opened.tensors.get(summed)!.shape.reduce((a, b) => a * b, 1);
          const sums = new Float64Array(taps);
          found.forEach((value, i) => {
            sums[i % taps]! += value;
          });
          await compare(summed, Float32Array.from(sums));
        }
      }
    for (const name of opened.tensors.keys())
      if (!/^(init|factor)\//.test(name) && !seen.has(name))
        report.add('methods/filo', `${file} ${name}: not compared`, Number.POSITIVE_INFINITY);
  }
  for (const { buffer } of held) gpu.memory.free(buffer);
}
