// FiLO as a method: its options, what it takes from CLIP's image encoder, training in two phases, detection with and
// without boxes. forward.ts has the equations.
//
// Not built: the published training's mosaics, and Grounding DINO, whose boxes come from a file (boxes.ts).
import { createRandom, deriveSeed } from '../../../base/random.ts';
import { elements } from '../../../kernels/tensor.ts';
import type { ClipConfig } from '../../clip/config.ts';
import { clipNeeds } from '../../clip/needs.ts';
import { type Family, type Learning, type Method, methodHead } from '../method.ts';
import { adamwOptimizer } from '../optimizer.ts';
import { parseValues } from '../option-values.ts';
import { splitShapes } from '../parts.ts';
import * as decoder from './decoder.ts';
import { parseDescriptions } from './descriptions.ts';
import * as forward from './forward.ts';
import { type FiloOptions, filoDefaults, filoKinds, filoTaps, type ParsedFilo, sizesOf } from './options.ts';
import { createFiloScorer } from './scorer.ts';
import { TextTable } from './texts.ts';

/** PyTorch's defaults for layers, N(0, 0.02^2) for the vectors. */
function initialValues(options: FiloOptions, clip: ClipConfig, seed: number): Map<string, Float32Array> {
  const shapes = forward.filoShapes(sizesOf(options, clip), clip);
  const random = createRandom(deriveSeed(seed, 'learnables'));
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const weight = shapes.get(name.replace(/\.bias$/, '.weight'))!;
    const bound = elements(weight.slice(1)) ** -0.5;
    const draw = name.endsWith('.ctx') ? () => 0.02 * random.normal() : () => bound * (2 * random.next() - 1);
    const drawn = new Float32Array(elements(shape));
    for (let i = 0; i < drawn.length; i++) drawn[i] = draw();
    values.set(name, drawn);
  }
  return values;
}

/** Epochs of the two phases: 15 and 5 as published, the same shares of other numbers. */
export const filoPhases = (epochs: number): readonly [number, number] => {
  const first = epochs === 1 ? 1 : Math.min(epochs - 1, Math.round(epochs * 0.75));
  return [first, epochs - first];
};

/** Learning rates of the groups as shares of the prompts': 1e-4 and 1e-5 beside 1e-3. */
const rateOf = (name: string): number =>
  name.startsWith('decoder_') ? 0.1 : name.startsWith('adapter.') ? 0.01 : 1;

const learning = (options: FiloOptions): Learning => ({
  schedule: { epochs: 20, batch: 1, learningRate: 1e-3 },
  optimizer: adamwOptimizer({ beta1: 0.5, beta2: 0.999, epsilon: 1e-8, decay: 0.01 }, rateOf),
  phases: filoPhases,
  largestBatch: 1,
  shapes: (clip) => forward.filoShapes(sizesOf(options, clip), clip),
  parts: (clip) => decoder.kernelParts(sizesOf(options, clip).convolutions, decoder.filoParts(clip)),
  initial: async (clip, seed) => initialValues(options, clip.config, seed),
  async prepare({ clip, size, classes, tokenizer }) {
    const { config } = clip;
    const { names } = filoTaps(config, options);
    const sizes = sizesOf(options, config);
    const parts = decoder.filoParts(config);
    const shapes = splitShapes(
      forward.filoShapes(sizes, config),
      decoder.kernelParts(sizes.convolutions, parts),
    );
    const table = await TextTable.of(clip, options, [...new Set(classes)], tokenizer);
    return {
      build(model, features, { masks, classes: labels }, phase = 0) {
        const { graph } = model;
        const all = forward.learnableTensors(model, shapes);
        const get = (name: string) => all.get(name)!;
        const adapter = phase === 1;
        const unit = forward.filoClass(model, features.image!, get, adapter);
        const start = graph.constant('start', table.start, [1, config.textWidth]);
        const texts = { normal: table.inputs(model, 'normal'), abnormal: table.inputs(model, 'abnormal') };
        const text = forward.filoPrototypes(model, unit, { start, ...texts }, { get, clip: config });
        const own = new Map([...all].filter(([name]) => name.startsWith('adapter.') === adapter));
        // What is not trained in this phase is read, and stays: the step binds it all the same.
        if (adapter) {
          const similarities = forward.filoSimilarities(model, unit, text);
          return {
            learnables: own,
            fixed: all,
            losses: forward.filoClassLosses(model, similarities, labels),
          };
        }
        const convolutions = Array.from({ length: sizes.convolutions }, (_, i) =>
          decoder.mergedConvolution(model, i, get, parts),
        );
        const maps = decoder.filoMaps(
          model,
          names.map((name) => features[name]!),
          text,
          { get, convolutions, size },
        );
        return { learnables: own, fixed: all, losses: forward.filoMapLosses(model, maps, masks) };
      },
      feeds: ([name]) => table.feeds(name!),
    };
  },
});

export const filo = (name: string, title: string, options: FiloOptions): Method => ({
  ...methodHead('filo', name, title, options),
  namesClass: true,
  usesBoxes: true,
  needs: (clip) => ({ ...clipNeeds, ...filoTaps(clip, options).needs }),
  learning: learning(options),
  scorer: (setup) => createFiloScorer(options, setup),
});

export const filoFamily: Family = {
  name: 'filo',
  defaults: { ...filoDefaults },
  parse(name, title, { descriptions = filoDefaults.descriptions, ...rest }, fail) {
    const { descriptions: _, ...defaults } = filoDefaults;
    const parsed: ParsedFilo = parseValues(filoKinds, defaults, rest, fail);
    return filo(name, title, {
      ...parsed,
      descriptions: parseDescriptions(descriptions, 'descriptions', fail),
    });
  },
};
