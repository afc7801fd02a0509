// What was asked for as a run's settings, in the library's words where it cannot be.
import { trainSettings } from '../jobs/training.ts';
import { parseOptions } from '../model/faprompt/option-checks.ts';
import { presets } from '../model/faprompt/options.ts';
import { faprompt } from '../model/methods/faprompt/faprompt.ts';
import type { Method } from '../model/methods/method.ts';
import { namedMethods } from '../model/methods/named.ts';
import { TrainingError } from '../train/errors.ts';
import { sha256 } from '../train/features/entry.ts';
import { checkLabels } from '../train/labels.ts';
import type { TrainSettings } from '../train/settings.ts';
import { DetectorError } from './errors.ts';
import type { Model } from './model.ts';
import type { PortableTraining } from './portable.ts';

const refuse = (option: string, expected: string, found: unknown): never => {
  throw new DetectorError('bad-option', `${option}: expected ${expected}, found ${String(found)}`);
};

/** The method that was asked for; FAPrompt by its preset and options where none was. */
function methodOf({ method: name, preset, options }: PortableTraining): Method {
  if (preset !== undefined && !(preset in presets))
    return refuse('preset', `one of ${Object.keys(presets).join(', ')}`, preset);
  if (name === undefined)
    return faprompt(
      'faprompt',
      'FAPrompt',
      parseOptions({ ...presets[preset ?? 'topm'], ...options }, refuse),
    );
  const method = namedMethods.get(name);
  if (!method?.learning) {
    const learned = [...namedMethods.values()].filter(({ learning }) => learning);
    return refuse('method', `one of ${learned.map((each) => each.name).join(', ')}`, name);
  }
  if (preset !== undefined || options !== undefined)
    refuse(preset === undefined ? 'options' : 'preset', 'nothing beside `method`', 'one');
  return method;
}

/** @throws TrainingError, or DetectorError 'bad-option' */
export async function settingsOf(
  { clip, prompts, sha256: hash }: Model,
  given: PortableTraining,
): Promise<TrainSettings> {
  const { samples, watch } = given;
  const method = methodOf(given);
  if (samples.length === 0)
    throw new TrainingError({ setting: 'samples', expected: 'at least one image', found: 'none' });
  const anomalous = samples.filter(({ mask }) => mask !== undefined).length;
  checkLabels({ normal: samples.length - anomalous, anomalous }, 'samples');
  const list = samples.map(({ name, mask }) => [name, mask !== undefined]);
  const data = await sha256(new TextEncoder().encode(JSON.stringify(list)));
  const settings = trainSettings(
    clip.config,
    { ...given, method, imageSize: given.size, dualLayers: given.dualLayers ?? prompts?.dualLayers },
    { clip: hash, data, precision: 'f32' },
    (option, problem) => {
      throw new DetectorError('bad-option', option === 'dualLayers' ? `${option}: ${problem}` : problem);
    },
  );
  const { epochs, batch, seed, learningRate } = settings;
  for (const [name, value] of Object.entries({ epochs, batch }))
    if (!(Number.isSafeInteger(value) && value >= 1)) refuse(name, 'an integer of at least 1', value);
  if (!(Number.isSafeInteger(seed) && seed >= 0)) refuse('seed', 'an integer of at least 0', seed);
  if (!(learningRate > 0 && Number.isFinite(learningRate)))
    refuse('learningRate', 'a number above 0', learningRate);
  if (watch && !(samples[watch.sample] && watch.every >= 1))
    refuse('watch', 'the index of a sample, and every n >= 1 steps', JSON.stringify(watch));
  return settings;
}
