// What a training run would need, from the sizes alone: nothing is put on the GPU.
import { formatBytes } from '../gpu/errors.ts';
import { describePlan, type Plan, plan } from '../graph/plan.ts';
import { formatFlops, type Io, UsageError } from '../jobs/io.ts';
import { resolveWeights } from '../jobs/models.ts';
import { imageSettings } from '../jobs/session.ts';
import { openClip } from '../model/checkpoint/open.node.ts';
import { type ClipConfig, clipConfigOf } from '../model/clip/config.ts';
import { buildImageGraph } from '../model/clip/image-encoder.ts';
import {
  createWordTokenizer,
  type Tokenizer,
  templateTokenizer,
  tokenizerForWeights,
} from '../model/clip/tokenizer/tokenizer.ts';
import { smallClipWords } from '../model/clip/tokenizer/words.ts';
import { countParameters, weightSpecs } from '../model/clip/weights.ts';
import { learnableShapes } from '../model/faprompt/learnables.ts';
import { laterOptions } from '../model/faprompt/option-checks.ts';
import type { FapromptOptions } from '../model/faprompt/options.ts';
import { promptTemplates, usedTokens } from '../model/faprompt/templates.ts';
import { fapromptFamilyName } from '../model/methods/faprompt/faprompt.ts';
import type { Method } from '../model/methods/method.ts';
import { planBytes, stateBytes, weightBytes } from '../train/memory.ts';
import { learningOf } from '../train/settings.ts';
import { buildStepGraph, countLearnables, type StepGraphOptions } from '../train/step.ts';
import type { TrainGiven } from './train.ts';
import { clipConfigs } from './weights.ts';

interface Sizes {
  readonly name: string;
  readonly config: ClipConfig;
  readonly tokenizer: Tokenizer;
  stored(tensor: string): string | undefined;
}

export async function dryRun(io: Io, given: TrainGiven, method: Method): Promise<void> {
  if (method.family !== fapromptFamilyName)
    throw new UsageError(`--dry-run: only with FAPrompt and its kin, found --method ${method.name}`);
  const options = { ...laterOptions, ...method.options } as FapromptOptions;
  const { name, config, tokenizer, stored } = await sizes(given);
  const { imageSize, needs, dualLayers } = imageSettings(config, method, given);
  const { batch = learningOf(method).schedule.batch } = given;
  const specs = weightSpecs(config, stored);
  const clip = { config, weightSpec: (tensor: string) => specs.get(tensor) };
  const templates = promptTemplates(tokenizer, options);
  const row = new Float32Array(config.textWidth);
  const model = {
    clip: config,
    options,
    templates,
    rows: new Map([...usedTokens(templates), 0].map((id) => [id, row])),
  };
  const stepPlan = (stepOptions?: StepGraphOptions) => {
    const { model: made, losses } = buildStepGraph(clip, model, batch, imageSize, stepOptions);
    return plan(made.graph, losses);
  };
  const imagePlan = (images: number): Plan => {
    const { model: made, outputs } = buildImageGraph(clip, imageSize, images, needs);
    return plan(made.graph, outputs);
  };

  const image = imagePlan(1);
  const step = stepPlan();
  const plainText = stepPlan({ sharePrefix: false, length: config.contextLength }).flops;
  const uncached = plainText + batch * image.flops;
  const shapes = learnableShapes(options, config);
  const bytes = {
    weights: weightBytes(specs.values()),
    state: stateBytes(shapes),
    image: planBytes(image),
    step: planBytes(step),
  };
  const peak = bytes.weights + bytes.state + bytes.image + bytes.step;
  const parameters = countParameters(config);
  const learnables = countLearnables(shapes);
  if (given.json) {
    const flops = { step: step.flops, image: image.flops, uncached };
    io.out(
      JSON.stringify({
        clip: name,
        config,
        imageSize,
        dualLayers,
        batch,
        parameters,
        learnables,
        flops,
        bytes: { ...bytes, peak },
      }),
    );
    return;
  }
  io.out(
    [
      `${name}: ${parameters.toLocaleString('en')} parameters, frozen; ${learnables.toLocaleString('en')} learnable`,
      `images ${imageSize} x ${imageSize}, ${dualLayers} of ${config.visionLayers} blocks with the V-V stream, batch ${batch}`,
      '',
      'image encoder, one image:',
      describePlan(image, { nodes: given.nodes === true }),
      '',
      `training step, batch of ${batch}, features from the cache:`,
      describePlan(step, { nodes: given.nodes === true }),
      '',
      `GPU memory: ${formatBytes(peak)} = weights ${formatBytes(bytes.weights)} + learnables and Adam ${formatBytes(bytes.state)} + ` +
        `image encoder ${formatBytes(bytes.image)} + step ${formatBytes(bytes.step)}`,
      `work per step: ${formatFlops(step.flops)} cached; ${formatFlops(uncached)} with the image encoder, all ` +
        `${config.contextLength} text positions and nothing shared (${(uncached / step.flops).toFixed(1)} times as much)`,
    ].join('\n'),
  );
}

/** From a file's header, or by name. */
async function sizes({ clip: file, clipConfig }: TrainGiven): Promise<Sizes> {
  if (clipConfig !== undefined) {
    const tokenizer = clipConfig === 'small' ? createWordTokenizer(smallClipWords) : templateTokenizer();
    return { name: clipConfig, config: clipConfigs[clipConfig]!, tokenizer, stored: () => 'F16' };
  }
  if (file === undefined) throw new UsageError('--dry-run: give --clip FILE or --clip-config NAME');
  const { file: weights, close } = await openClip(await resolveWeights(file));
  try {
    const config = clipConfigOf(weights);
    const tokenizer = tokenizerForWeights(weights, config.vocabSize);
    return { name: file, config, tokenizer, stored: (tensor) => weights.tensors.get(tensor)?.dtype };
  } finally {
    await close();
  }
}
