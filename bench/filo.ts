// npm run bench -- filo: FiLO at a model's true sizes, with random weights: encoding an image, detection, a step of either
// phase; time and memory.
import type { Gpu } from '../src/gpu/gpu.ts';
import type { Executable } from '../src/graph/executor.ts';
import { elements } from '../src/kernels/tensor.ts';
import { createImageEncoder } from '../src/model/clip/image-encoder.ts';
import { featureShapes } from '../src/model/clip/needs.ts';
import { openaiVocabulary, type Tokenizer } from '../src/model/clip/tokenizer/tokenizer.ts';
import { filo } from '../src/model/methods/filo/filo.ts';
import { filoDefaults } from '../src/model/methods/filo/options.ts';
import { splitShapes, splitValues } from '../src/model/methods/parts.ts';
import { planBytes } from '../src/train/memory.ts';
import {
  buildStep,
  compileStep,
  countLearnables,
  createTrainingState,
  stepInputs,
} from '../src/train/step.ts';
import { summary } from './output.ts';
import { uniform } from './random.ts';
import { randomClip } from './random-clip.ts';

export interface FiloSettings {
  readonly model: string;
  readonly size: number;
  /** Timed runs; 0: only what the plans say. */
  readonly runs: number;
  /** Frozen matrices in f16. */
  readonly half: boolean;
  /** Class of the texts; bottle has the most: 7 and 135. */
  readonly className: string;
}

export interface FiloResult {
  readonly what: string;
  readonly milliseconds: number;
  readonly spread: number;
  readonly gflop: number;
  /** Planned for it, beside weights and learnables. */
  readonly bytes: number;
  /** The most that was held, with everything. */
  readonly peak: number;
  /** Milliseconds of the five slowest operators, where there are timestamps. */
  readonly top: string;
}

/** As many tokens as OpenAI's has for most words; which ones makes no difference to the time. */
const wordTokens: Tokenizer = {
  ...openaiVocabulary,
  encode: (text) => (text.match(/\p{L}+|[^\s\p{L}]/gu) ?? []).map((word, i) => 1000 + 7 * i + word.length),
};

export async function benchFilo(
  gpu: Gpu,
  settings: FiloSettings,
): Promise<{ learnables: number; rows: FiloResult[] }> {
  const { model, size, runs, half, className } = settings;
  const clip = await randomClip(gpu, model, half);
  const method = filo('filo', 'FiLO', filoDefaults);
  const { learning } = method;
  const needs = method.needs(clip.config);
  const random = uniform(13);
  const noise = (count: number, scale = 1) => Float32Array.from({ length: count }, () => scale * random());
  const rows: FiloResult[] = [];
  const measure = async (what: string, executable: Executable, run: () => Promise<unknown>) => {
    if (runs > 0) await run();
    const times: number[] = [];
    for (let i = 0; i < runs; i++) {
      const start = performance.now();
      await run();
      await gpu.finish();
      times.push(performance.now() - start);
    }
    const ops = new Map<string, number>();
    if (runs > 0 && gpu.capabilities.timestamps)
      for (const { op, milliseconds } of await executable.profile())
        ops.set(op, (ops.get(op) ?? 0) + milliseconds);
    const top = [...ops].sort((a, b) => b[1] - a[1]).slice(0, 5);
    const { median, spread } = runs > 0 ? summary(times) : { median: 0, spread: 0 };
    rows.push({
      what,
      milliseconds: median,
      spread,
      gflop: executable.plan.flops / 1e9,
      bytes: planBytes(executable.plan),
      peak: gpu.memory.peak,
      top: top.map(([op, ms]) => `${op} ${ms.toFixed(0)}`).join(', '),
    });
  };

  gpu.memory.resetPeak();
  const encoder = await createImageEncoder({ gpu, clip, size, needs });
  const image = noise(3 * size * size);
  await measure('image encoder', encoder.executable, () => encoder.encode([image]));
  encoder.dispose();

  const features = Object.fromEntries(
    [...featureShapes(needs, clip.config, size)].map(([name, shape]) => [name, noise(elements(shape))]),
  );
  const tokenizer = async () => wordTokens;
  const learned = await learning!.initial(clip, 1);
  gpu.memory.resetPeak();
  const scorer = await method.scorer({ gpu, clip, size, needs, className, tokenizer, learned });
  await measure('detection', scorer.executable, () => scorer.score(features, 'image'));
  scorer.dispose();
  await gpu.finish();

  const shapes = learning!.shapes(clip.config);
  gpu.memory.resetPeak();
  const parts = learning!.parts!(clip.config);
  const held = { parameters: splitValues(learned, parts) };
  const state = createTrainingState(gpu, splitShapes(shapes, parts), held, learning!.optimizer.moments);
  const learner = await learning!.prepare({ gpu, clip, size, classes: [className], tokenizer });
  for (const phase of [0, 1]) {
    const graph = buildStep(
      clip,
      { learner, needs },
      { batch: 1, size },
      { optimizer: learning!.optimizer, phase },
    );
    const executable = await compileStep(gpu, clip, graph, state);
    const read = stepInputs(executable);
    let step = 0;
    await measure(`step, phase ${phase + 1}`, executable, async () => {
      step += 1;
      const schedule = learning!.optimizer.schedule({ learningRate: 1e-3, step, epoch: 0, epochs: 20 });
      const given = {
        ...features,
        ...learner.feeds!([className]),
        masks: Uint8Array.from(noise(size * size), (x) => Number(x > 1)),
        classes: Int32Array.of(1),
        schedule,
      };
      const feeds = Object.fromEntries(Object.entries(given).filter(([name]) => read.has(name)));
      const { total } = await executable.run(feeds, ['total']);
      if (!Number.isFinite(total![0]!)) throw new Error(`phase ${phase + 1}: the loss is ${total![0]}`);
    });
    executable.dispose();
  }
  state.dispose();
  clip.dispose();
  return { learnables: countLearnables(shapes), rows };
}
