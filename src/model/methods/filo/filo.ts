// FiLO as a method: its options, what it takes from CLIP's image encoder, training in two phases, detection with and
// without boxes. forward.ts has the equations.
//
// Not built: the published training's mosaics, and Grounding DINO, whose boxes come from a file (boxes.ts).
import { createRandom, deriveSeed } from '../../../base/random.ts';
import type { Gpu } from '../../../gpu/gpu.ts';
import { createDeviceTensor, type DeviceTensor } from '../../../graph/device-tensor.ts';
import { compile } from '../../../graph/executor.ts';
import { affine } from '../../../kernels/elementwise/elementwise.ts';
import { byteLength, elements, f32, type Tensor } from '../../../kernels/tensor.ts';
import type { ClipConfig } from '../../clip/config.ts';
import { clipNeeds, type ImageNeeds } from '../../clip/needs.ts';
import type { Clip } from '../../clip/weights.ts';
import { createModelGraph, type ModelGraph } from '../../context.ts';
import { checkDetection, ScoreError } from '../../faprompt/verdict.ts';
import { compileScorer, type Learned, type Scorer } from '../../scorer.ts';
import { tapBlocks } from '../april-gan/april-gan.ts';
import { bindLearned } from '../learned.ts';
import type { Family, Learning, Method, ScorerSetup } from '../method.ts';
import { adamwOptimizer } from '../optimizer.ts';
import { parseValues, type ValueKind } from '../option-values.ts';
import { boxesOf, insideBoxes, useBoxes } from './boxes.ts';
import {
  type ClassTexts,
  classTexts,
  type Descriptions,
  describedAs,
  type FiloWords,
  parseDescriptions,
  type Tail,
} from './descriptions.ts';
import {
  type FiloConvolution,
  type FiloSizes,
  type FiloTexts,
  filoClass,
  filoClassLosses,
  filoDetection,
  filoKernels,
  filoMapLosses,
  filoMaps,
  filoPrototypes,
  filoShapes,
  filoSimilarities,
  mergedConvolution,
  type Side,
} from './forward.ts';
import prompts from './prompts.json' with { type: 'json' };

export { insideBoxes } from './boxes.ts';

export interface FiloOptions extends FiloWords {
  /** Learnable vectors of a prompt. */
  readonly tokens: number;
  /** Depths whose tokens are taken, evenly spaced: 4 of 24 blocks are 6, 12, 18, 24. */
  readonly taps: number;
  /** Share of the last blocks with a V-V stream: 18 of 24. */
  readonly dualShare: number;
  /** Taps as additions in place leave them in the published code: what its checkpoints were trained on. */
  readonly aliasedTaps: boolean;
  /** Words that count in a box's phrase, beside the class's descriptions. */
  readonly words: readonly string[];
}

export const filoDefaults: FiloOptions = {
  ...prompts,
  descriptions: prompts.descriptions as Descriptions,
  tokens: 12,
  taps: 4,
  dualShare: 0.75,
  aliasedTaps: false,
};

type Parsed = Omit<FiloOptions, 'descriptions'>;
const kinds: Record<keyof Parsed, ValueKind> = {
  normal: { kind: 'texts' },
  abnormal: { kind: 'texts' },
  positions: { kind: 'texts' },
  words: { kind: 'texts' },
  tokens: { kind: 'count', min: 1 },
  taps: { kind: 'count', min: 2 },
  dualShare: { kind: 'number', min: 0, max: 1 },
  aliasedTaps: { kind: 'flag' },
};

/** Number of regions that a box's centre may lie in; with other positions than nine, boxes choose none. */
const regions = 9;

/** The taps of a CLIP in their order, as names of features, and what they need. */
export function filoTaps(
  clip: ClipConfig,
  { taps, dualShare, aliasedTaps }: Pick<FiloOptions, 'taps' | 'dualShare' | 'aliasedTaps'>,
): { readonly names: readonly string[]; readonly needs: Partial<ImageNeeds> } {
  const dualLayers = Math.round(dualShare * clip.visionLayers);
  const first = clip.visionLayers - dualLayers;
  // In place, every V-V tap becomes the last one, and so does the tap that the V-V stream begins with.
  const last = `vv${clip.visionLayers}`;
  const names = tapBlocks({ taps }, clip).flatMap((block) => {
    if (block < first || (block === first && !aliasedTaps)) return [`tap${block}`];
    if (block === first) return [last];
    return [aliasedTaps ? last : `vv${block}`, `tap${block}`];
  });
  const blocks = (prefix: string) => [
    ...new Set(
      names.filter((name) => name.startsWith(prefix)).map((name) => Number(name.slice(prefix.length))),
    ),
  ];
  return {
    names,
    needs: {
      dualLayers,
      patches: 'none',
      image: 'raw',
      taps: blocks('tap'),
      vvTaps: blocks('vv'),
      aliasedTaps,
      positions: 'bicubic',
    },
  };
}

function sizesOf(options: FiloOptions, clip: ClipConfig): FiloSizes {
  const { length } = filoTaps(clip, options).names;
  return { tokens: options.tokens, linear: Math.ceil(length / 2), convolutions: Math.floor(length / 2) };
}

/** PyTorch's defaults for layers, N(0, 0.02^2) for the vectors. */
function initialValues(options: FiloOptions, clip: ClipConfig, seed: number): Map<string, Float32Array> {
  const shapes = filoShapes(sizesOf(options, clip), clip);
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

/** Texts of several classes for one graph: tails padded to the longest, texts to the most. */
class TextTable {
  readonly start: Float32Array;
  readonly dropped: readonly string[];
  private readonly length: Readonly<Record<Side, number>>;
  private readonly count: Readonly<Record<Side, number>>;

  private constructor(
    private readonly width: number,
    private readonly rows: ReadonlyMap<number, Float32Array>,
    private readonly classes: ReadonlyMap<string, ClassTexts>,
    sot: number,
  ) {
    const most = (side: Side, of: (tails: readonly Tail[]) => number) =>
      Math.max(...[...classes.values()].map(({ tails }) => of(tails[side])));
    const longest = (tails: readonly Tail[]) => Math.max(...tails.map(({ ids }) => ids.length));
    this.start = rows.get(sot)!;
    this.dropped = [...new Set([...classes.values()].flatMap(({ dropped }) => dropped))];
    this.length = { normal: most('normal', longest), abnormal: most('abnormal', longest) };
    this.count = { normal: most('normal', (t) => t.length), abnormal: most('abnormal', (t) => t.length) };
  }

  static async of(
    clip: Clip,
    options: FiloOptions,
    names: readonly string[],
    tokenizer: ScorerSetup['tokenizer'],
  ): Promise<TextTable> {
    const words = (await tokenizer?.()) ?? clip.tokenizer;
    const classes = new Map(
      names.map((name) => [name, classTexts(clip, words, options, options.tokens, name)] as const),
    );
    const ids = [...classes.values()].flatMap(({ tails }) =>
      [...tails.normal, ...tails.abnormal].flatMap((t) => t.ids),
    );
    const rows = await clip.tokenRows([...new Set([words.sot, ...ids])]);
    return new TextTable(clip.config.textWidth, rows, classes, words.sot);
  }

  /** Graph inputs for the texts of one kind. */
  inputs({ graph }: ModelGraph, side: Side): FiloTexts {
    return {
      tails: graph.input(`${side}/tails`, f32(this.count[side], this.length[side], this.width)),
      ends: graph.input(`${side}/ends`, { shape: [this.count[side], 1], dtype: 'i32' }),
      chosen: graph.input(`${side}/chosen`, f32(1, this.count[side])),
    };
  }

  /** Values for them. @param position the only one that counts; undefined: all */
  feeds(className: string, position?: number): Record<string, Float32Array | Int32Array> {
    const feeds: Record<string, Float32Array | Int32Array> = {};
    for (const side of ['normal', 'abnormal'] as const) {
      const { tails } = this.classes.get(className)!;
      const values = new Float32Array(this.count[side] * this.length[side] * this.width);
      const ends = new Int32Array(this.count[side]);
      const chosen = new Float32Array(this.count[side]);
      tails[side].forEach(({ ids, position: own }, text) => {
        ids.forEach((id, i) => {
          values.set(this.rows.get(id)!, (text * this.length[side] + i) * this.width);
        });
        ends[text] = ids.length - 1;
        chosen[text] = Number(position === undefined || own < 0 || own === position);
      });
      feeds[`${side}/tails`] = values;
      feeds[`${side}/ends`] = ends;
      feeds[`${side}/chosen`] = chosen;
    }
    return feeds;
  }
}

const learnableTensors = ({ graph }: ModelGraph, shapes: ReadonlyMap<string, readonly number[]>) =>
  new Map([...shapes].map(([name, shape]) => [name, graph.parameter(name, f32(...shape))] as const));

const tapTensors = (names: readonly string[], features: Readonly<Record<string, Tensor>>): Tensor[] =>
  names.map((name) => features[name]!);

/** Epochs of the two phases: 15 and 5 as published, the same shares of other numbers. */
export const filoPhases = (epochs: number): readonly [number, number] => {
  const first = epochs === 1 ? 1 : Math.min(epochs - 1, Math.round(epochs * 0.75));
  return [first, epochs - first];
};

/** The published score is in [-1 / (2 sqrt 2), 1 / (2 sqrt 2) + 1/2]; what is shown is brought to [0, 1], in the same order. */
const leastFiloScore = -Math.SQRT1_2 / 2;
const scoreRange = Math.SQRT1_2 + 0.5;

/** Learning rates of the groups as shares of the prompts': 1e-4 and 1e-5 beside 1e-3. */
const rateOf = (name: string): number =>
  name.startsWith('decoder_') ? 0.1 : name.startsWith('adapter.') ? 0.01 : 1;

const learning = (options: FiloOptions): Learning => ({
  schedule: { epochs: 20, batch: 1, learningRate: 1e-3 },
  optimizer: adamwOptimizer({ beta1: 0.5, beta2: 0.999, epsilon: 1e-8, decay: 0.01 }, rateOf),
  phases: filoPhases,
  largestBatch: 1,
  shapes: (clip) => filoShapes(sizesOf(options, clip), clip),
  initial: async (clip, seed) => initialValues(options, clip.config, seed),
  async prepare({ clip, size, classes, tokenizer }) {
    const { config } = clip;
    const { names } = filoTaps(config, options);
    const shapes = filoShapes(sizesOf(options, config), config);
    const table = await TextTable.of(clip, options, [...new Set(classes)], tokenizer);
    return {
      build(model, features, { masks, classes: labels }, phase = 0) {
        const { graph } = model;
        const all = learnableTensors(model, shapes);
        const get = (name: string) => all.get(name)!;
        const adapter = phase === 1;
        const unit = filoClass(model, features.image!, get, adapter);
        const start = graph.constant('start', table.start, [1, config.textWidth]);
        const texts = { normal: table.inputs(model, 'normal'), abnormal: table.inputs(model, 'abnormal') };
        const text = filoPrototypes(model, unit, start, texts, get, config);
        const own = new Map([...all].filter(([name]) => name.startsWith('adapter.') === adapter));
        // What is not trained in this phase is read, and stays: the step binds it all the same.
        if (adapter) {
          const similarities = filoSimilarities(model, unit, text);
          return { learnables: own, fixed: all, losses: filoClassLosses(model, similarities, labels) };
        }
        const convolutions = Array.from({ length: Math.floor(names.length / 2) }, (_, i) =>
          mergedConvolution(model, i, get),
        );
        const maps = filoMaps(model, tapTensors(names, features), text, get, convolutions, size);
        return { learnables: own, fixed: all, losses: filoMapLosses(model, maps, masks) };
      },
      feeds: ([name]) => table.feeds(name!),
    };
  },
});

/** Merges each depth's kernels once, on the device. The learned kernels themselves are not kept there. */
async function mergeAll(
  gpu: Gpu,
  clip: Clip,
  count: number,
  learned: Learned,
): Promise<Map<string, DeviceTensor>> {
  const merged = new Map<string, DeviceTensor>();
  for (let i = 0; i < count; i++) {
    const model = createModelGraph(clip.weightSpec);
    const shapes = filoShapes({ tokens: 1, linear: 0, convolutions: count }, clip.config);
    const wanted = filoKernels.flatMap(([name]) =>
      ['weight', 'bias'].map((kind) => `decoder_cov.fc_${name}.${i}.${kind}`),
    );
    const tensors = new Map(
      wanted.map((name) => [name, model.graph.parameter(name, f32(...shapes.get(name)!))]),
    );
    const { kernel, bias } = mergedConvolution(model, i, (name) => tensors.get(name)!);
    const own: DeviceTensor[] = [];
    try {
      const parameters = new Map<number, DeviceTensor>();
      for (const { tensor, values } of bindLearned(tensors, learned)) {
        const bound =
          values instanceof Float32Array ? createDeviceTensor(gpu, 'kernel', tensor, values) : values;
        if (bound !== values) own.push(bound);
        parameters.set(tensor.storage, bound);
      }
      const executable = await compile(gpu, model.graph, { kernel, bias }, { parameters });
      await executable.run({});
      for (const name of ['kernel', 'bias'] as const) {
        const made = executable.tensor(name);
        const kept = createDeviceTensor(gpu, `${name}${i}`, { shape: made.shape, dtype: made.dtype });
        const encoder = gpu.device.createCommandEncoder();
        encoder.copyBufferToBuffer(made.buffer, 0, kept.buffer, 0, byteLength(kept));
        gpu.device.queue.submit([encoder.finish()]);
        merged.set(`${name}${i}`, kept);
      }
      await gpu.finish();
      executable.dispose();
    } finally {
      for (const { buffer } of own) gpu.memory.free(buffer);
    }
  }
  return merged;
}

/** Merged kernels by the learned values that they are of: the scorers of all classes share them. */
const kept = new WeakMap<Learned, { users: number; readonly merged: Promise<Map<string, DeviceTensor>> }>();

async function sharedKernels(gpu: Gpu, clip: Clip, count: number, learned: Learned) {
  const entry = kept.get(learned) ?? { users: 0, merged: mergeAll(gpu, clip, count, learned) };
  kept.set(learned, entry);
  entry.users += 1;
  let used = true;
  const release = async () => {
    if (!used) return;
    used = false;
    entry.users -= 1;
    if (entry.users > 0) return;
    if (kept.get(learned) === entry) kept.delete(learned);
    for (const { buffer } of (await entry.merged.catch(() => new Map<string, DeviceTensor>())).values())
      gpu.memory.free(buffer);
  };
  try {
    return { merged: await entry.merged, free: release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function createFiloScorer(
  options: FiloOptions,
  { gpu, clip, size, needs, className = 'object', tokenizer, learned = new Map(), boxes }: ScorerSetup,
): Promise<Scorer & { readonly dropped: readonly string[] }> {
  const { config } = clip;
  const { names } = filoTaps(config, options);
  const sizes = sizesOf(options, config);
  const shapes = [...filoShapes(sizes, config)].filter(([name]) => !name.startsWith('decoder_cov.'));
  const table = await TextTable.of(clip, options, [className], tokenizer);
  const { merged, free } = await sharedKernels(gpu, clip, sizes.convolutions, learned);
  const scorer = await compileScorer(gpu, clip, size, needs, (model, features) => {
    const { graph } = model;
    const all = learnableTensors(model, new Map(shapes));
    const get = (name: string) => all.get(name)!;
    const fixed: { tensor: Tensor; values: DeviceTensor }[] = [];
    const parameter = (name: string) => {
      const values = merged.get(name)!;
      const tensor = graph.parameter(name, values);
      fixed.push({ tensor, values });
      return tensor;
    };
    const convolutions = Array.from(
      { length: sizes.convolutions },
      (_, i): FiloConvolution => ({ kernel: parameter(`kernel${i}`), bias: parameter(`bias${i}`) }),
    );
    const unit = filoClass(model, features.image!, get, true);
    const start = graph.constant('start', table.start, [1, config.textWidth]);
    const texts = { normal: table.inputs(model, 'normal'), abnormal: table.inputs(model, 'abnormal') };
    const text = filoPrototypes(model, unit, start, texts, get, config);
    const maps = filoMaps(model, tapTensors(names, features), text, get, convolutions, size);
    const similarities = filoSimilarities(model, unit, text);
    const inside = graph.input('inside', f32(size, size));
    const { map, score } = filoDetection(model, similarities, maps, inside);
    return {
      map,
      score: affine(graph, score, 1 / scoreRange, -leastFiloScore / scoreRange),
      parameters: [...bindLearned(all, learned), ...fixed],
    };
  }).catch(async (error: unknown) => {
    await free();
    throw error;
  });
  const words = [...options.words, ...describedAs(options.descriptions, className)];
  const everywhere = new Float32Array(size * size).fill(1);
  const featureNames = [...new Set(['image', ...names])];
  return {
    ...scorer,
    dropped: table.dropped,
    async score(features, image, runOptions) {
      let [position, inside]: [number | undefined, Float32Array] = [undefined, everywhere];
      if (boxes) {
        const own = boxesOf(boxes, image);
        if (!own) throw new ScoreError(image, `its boxes in ${boxes.name}`, 'none');
        const used = useBoxes(own, words, size);
        position = options.positions.length === regions ? used.position : undefined;
        inside = insideBoxes(used.pixels, size);
      }
      const feeds = Object.fromEntries(featureNames.map((name) => [name, features[name]!]));
      const found = await scorer.executable.run(
        { ...feeds, ...table.feeds(className, position), inside },
        ['map', 'score'],
        runOptions,
      );
      return checkDetection({ score: found.score![0]!, map: found.map as Float32Array }, image);
    },
    dispose() {
      scorer.dispose();
      void free();
    },
  };
}

export const filo = (name: string, title: string, options: FiloOptions): Method => ({
  name,
  title,
  family: 'filo',
  options: { ...options },
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
    const parsed: Parsed = parseValues(kinds, defaults, rest, fail);
    return filo(name, title, {
      ...parsed,
      descriptions: parseDescriptions(descriptions, 'descriptions', fail),
    });
  },
};
