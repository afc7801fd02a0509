// What a training run would need, from the sizes alone: nothing is put on the GPU.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { openDataset } from '../data/dataset.node.ts';
import { formatBytes } from '../gpu/errors.ts';
import { describePlan, type Plan } from '../graph/plan.ts';
import { formatFlops, type Io, UsageError } from '../jobs/io.ts';
import { resolveWeights } from '../jobs/models.ts';
import { imageOptions } from '../jobs/session.ts';
import { openTokenizer } from '../jobs/vocabulary.ts';
import { isBlip } from '../model/blip/config.ts';
import { openClip } from '../model/checkpoint/open.node.ts';
import { type ClipConfig, clipConfigOf } from '../model/clip/config.ts';
import { planImage } from '../model/clip/image-graph.ts';
import { countingTokenizer, type PlannedClip, plannedClip } from '../model/clip/planned.ts';
import { encodingBytes, plannedImageBatch } from '../model/clip/staging.ts';
import {
  createWordTokenizer,
  templateTokenizer,
  tokenizerForWeights,
  wordListMetadata,
} from '../model/clip/tokenizer/tokenizer.ts';
import { smallClipWords } from '../model/clip/tokenizer/words.ts';
import { type Clip, countParameters, weightSpecs } from '../model/clip/weights.ts';
import { laterOptions } from '../model/faprompt/option-checks.ts';
import type { FapromptOptions } from '../model/faprompt/options.ts';
import { fapromptFamilyName, fapromptLearner, learnedModel } from '../model/methods/faprompt/faprompt.ts';
import type { Learner, Method } from '../model/methods/method.ts';
import { splitShapes, wholes } from '../model/methods/parts.ts';
import { phaseOf } from '../train/epoch.ts';
import { planBytes, stateBytes, weightBytes } from '../train/memory.ts';
import { learningOf } from '../train/settings.ts';
import { buildStep, countLearnables, planStep } from '../train/step.ts';
import type { TrainGiven } from './train-given.ts';
import { namedConfigs } from './weights.ts';

/** What images are of that have no class. */
const unnamed = 'object';

export async function dryRun(io: Io, given: TrainGiven, method: Method): Promise<void> {
  const { clip, stored, folder } = await sizes(given);
  const { config, name } = clip;
  const learning = learningOf(method);
  const { optimizer, largestBatch, schedule } = learning;
  const { batch = schedule.batch, epochs = schedule.epochs } = given;
  if (largestBatch !== undefined && batch > largestBatch)
    throw new UsageError(`--batch: expected at most ${largestBatch} with ${method.name}, found ${batch}`);
  const { imageSize, needs, dualLayers } = imageOptions(config, method, given);
  const classes = given.data === undefined ? [unnamed] : await classesOf(given.data, given);
  const setup = { clip, size: imageSize, classes, tokenizer: () => planTokenizer(io, clip, given, folder) };
  const learner = await learning.prepare(setup);
  const phases = (learning.phases?.(epochs) ?? [epochs]).filter((length) => length > 0);
  const starts = phases.map((_, i) => phases.slice(0, i).reduce((a, b) => a + b, 0));
  const planOf = (of: Learner, phase: number): Plan =>
    planStep(buildStep(clip, { learner: of, needs }, { batch, size: imageSize }, { optimizer, phase }));
  const image = planImage(clip, imageSize, needs);
  const { imageBatch = plannedImageBatch(clip, imageSize, needs) } = given;
  const steps = starts.map((start) => planOf(learner, phaseOf(phases, start)));
  const plainText = await plainLearner(method, clip, imageSize);
  const uncached = (plainText ? planOf(plainText, 0) : steps[0]!).flops + batch * image.flops;
  const shapes = learning.shapes(config);
  const bytes = {
    weights: weightBytes(weightSpecs(config, stored).values()),
    state: stateBytes(splitShapes(shapes, learning.parts?.(config) ?? wholes), optimizer.moments.length),
    image: encodingBytes(clip, imageSize, needs, imageBatch),
    step: Math.max(...steps.map(planBytes)), // a phase's steps go before the next one's come
  };
  const planned: Planned = {
    ...{ name, config, method, imageSize, dualLayers, batch, imageBatch, classes },
    parameters: countParameters(config),
    learnables: countLearnables(shapes),
    phases,
    steps,
    image,
    uncached,
    plain: plainText !== undefined,
    moments: optimizer.moments.length,
    bytes: { ...bytes, peak: bytes.weights + bytes.state + bytes.image + bytes.step },
  };
  io.out(given.json ? asJson(planned) : asText(planned, given.nodes === true));
}

/** What a run would be, and need. */
interface Planned {
  readonly name: string;
  readonly config: ClipConfig;
  readonly method: Method;
  readonly imageSize: number;
  readonly dualLayers: number;
  readonly batch: number;
  readonly imageBatch: number;
  readonly classes: readonly string[];
  readonly parameters: number;
  readonly learnables: number;
  /** Epochs of each phase, and the plan of its steps. */
  readonly phases: readonly number[];
  readonly steps: readonly Plan[];
  readonly image: Plan;
  /** FLOP of a step that encodes its images, and shares nothing of its texts. */
  readonly uncached: number;
  /** Whether there is something to share. */
  readonly plain: boolean;
  /** Tensors that the optimizer keeps for each learnable. */
  readonly moments: number;
  readonly bytes: Readonly<Record<'weights' | 'state' | 'image' | 'step' | 'peak', number>>;
}

const asJson = ({ name, method, phases, steps, image, uncached, bytes, ...planned }: Planned): string =>
  JSON.stringify({
    clip: name,
    method: method.name,
    config: planned.config,
    imageSize: planned.imageSize,
    dualLayers: planned.dualLayers,
    batch: planned.batch,
    imageBatch: planned.imageBatch,
    parameters: planned.parameters,
    learnables: planned.learnables,
    flops: { step: steps[0]!.flops, image: image.flops, uncached },
    ...(steps.length > 1
      ? {
          phases: steps.map((each, i) => ({ epochs: phases[i], flops: each.flops, bytes: planBytes(each) })),
        }
      : {}),
    bytes,
  });

function asText(planned: Planned, nodes: boolean): string {
  const { name, config, method, imageSize, dualLayers, batch, phases, steps, uncached, bytes } = planned;
  const stream =
    dualLayers > 0 ? `${dualLayers} of ${config.visionLayers} blocks with the V-V stream` : 'no V-V stream';
  const stepLines = steps.flatMap((each, i) => [
    `training step, batch of ${batch}, features from the cache` +
      (steps.length > 1 ? `, phase ${i + 1} of ${steps.length} (${phases[i]} epochs):` : ':'),
    describePlan(each, { nodes }),
    '',
  ]);
  const without = planned.plain
    ? ` with the image encoder, all ${config.contextLength} text positions and nothing shared`
    : ' with the image encoder';
  const count = (value: number) => value.toLocaleString('en');
  const cached = steps[0]!.flops;
  return [
    `${name}: ${count(planned.parameters)} parameters, frozen; ${method.title}: ${count(planned.learnables)} learnable`,
    `images ${imageSize} x ${imageSize}, ${stream}, batch ${batch}`,
    ...(method.namesClass ? [`classes: ${planned.classes.join(', ')}`] : []),
    '',
    'image encoder, one image:',
    describePlan(planned.image, { nodes }),
    '',
    ...stepLines,
    `GPU memory: ${formatBytes(bytes.peak)} = weights ${formatBytes(bytes.weights)} + learnables and their ` +
      `${planned.moments === 1 ? 'momentum' : 'two moments'} ${formatBytes(bytes.state)} + ` +
      `image encoder in batches of ${planned.imageBatch} ${formatBytes(bytes.image)} + step ${formatBytes(bytes.step)}`,
    `work per step: ${formatFlops(cached)} cached; ${formatFlops(uncached)}${without} ` +
      `(${(uncached / cached).toFixed(1)} times as much)`,
  ].join('\n');
}

/** FAPrompt's step without its savings of text; undefined: the method has none. */
async function plainLearner(method: Method, clip: Clip, size: number): Promise<Learner | undefined> {
  if (method.family !== fapromptFamilyName) return undefined;
  const options = { ...laterOptions, ...method.options } as FapromptOptions;
  const { contextLength: length } = clip.config;
  const model = await learnedModel({ clip }, options);
  // Behind the end token stands token 0.
  const rows = new Map([...model.rows, ...(await clip.tokenRows([0]))]);
  return fapromptLearner({ ...model, rows }, size, { sharePrefix: false, length });
}

const classesOf = async (dir: string, { split }: TrainGiven): Promise<readonly string[]> =>
  (await openDataset(dir, { split })).classes;

/** From a file's header, or by name. */
async function sizes({ clip: file, clipConfig }: TrainGiven) {
  if (clipConfig !== undefined) {
    const small = clipConfig.endsWith('small');
    const config: ClipConfig = namedConfigs[clipConfig]!;
    const tokenizer = small
      ? createWordTokenizer(smallClipWords)
      : isBlip(config)
        ? countingTokenizer(config.vocabSize)
        : templateTokenizer();
    const stored = () => 'F16';
    const metadata = new Map(small ? Object.entries(wordListMetadata(smallClipWords)) : []);
    const known: PlannedClip = { name: clipConfig, config, tokenizer, stored, metadata };
    return { clip: plannedClip(known), stored, folder: undefined };
  }
  if (file === undefined) throw new UsageError('--dry-run: give --clip FILE or --clip-config NAME');
  const { file: weights, files, close } = await openClip(await resolveWeights(file));
  try {
    const config = clipConfigOf(weights);
    const tokenizer = tokenizerForWeights(weights, config.vocabSize);
    const stored = (tensor: string) => weights.tensors.get(tensor)?.dtype;
    const clip = plannedClip({ name: file, config, tokenizer, stored, metadata: weights.metadata });
    return { clip, stored, folder: path.dirname(files[0]!) };
  } finally {
    await close();
  }
}

/** As a run has it; a BLIP without BERT's vocabulary is planned all the same. */
async function planTokenizer(io: Io, clip: Clip, { vocabulary }: TrainGiven, folder: string | undefined) {
  const here = vocabulary ?? (folder === undefined ? undefined : path.join(folder, 'vocab.txt'));
  const words = isBlip(clip.config) && !clip.metadata.has('tokenizer');
  if (!words || vocabulary !== undefined || (here !== undefined && existsSync(here)))
    return openTokenizer(clip, vocabulary, folder ?? '.');
  io.note("note: no vocab.txt of BERT's: texts are planned with a token for each word");
  return countingTokenizer(clip.config.vocabSize);
}
