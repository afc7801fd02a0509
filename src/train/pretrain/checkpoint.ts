// A pretraining run between two steps as a safetensors file: weights, moments, step, settings.

import { WeightsError } from '../../formats/errors.ts';
import { type SafetensorsFile, writeSafetensors } from '../../formats/safetensors.ts';
import { clipTensorShapes } from '../../model/clip/config.ts';
import { TrainingError } from '../errors.ts';
import { readState, stateTensors } from '../state-file.ts';
import type { PretrainSettings } from './settings.ts';
import type { PretrainSnapshot } from './trainer.ts';

const format = 'faprompt-pretrain-checkpoint';

export function writePretrainCheckpoint(
  { step, state }: PretrainSnapshot,
  settings: PretrainSettings,
): Uint8Array {
  const tensors = stateTensors(state, clipTensorShapes(settings.config));
  return writeSafetensors(tensors, { format, step: `${step}`, settings: JSON.stringify(settings) });
}

/**
 * Reads a checkpoint to go on from.
 * @throws WeightsError for another or a damaged file, TrainingError naming a setting that has changed
 */
export async function readPretrainCheckpoint(
  file: SafetensorsFile,
  settings: PretrainSettings,
): Promise<PretrainSnapshot> {
  const name = file.source.name;
  const text = (field: string): string => {
    const value = file.metadata.get(field);
    if (value === undefined)
      throw new WeightsError({ file: name, expected: `__metadata__.${field}`, found: 'nothing' });
    return value;
  };
  if (text('format') !== format)
    throw new WeightsError({ file: name, expected: `__metadata__.format: ${format}`, found: text('format') });
  const step = Number(text('step'));
  checkSettings(JSON.parse(text('settings')), settings, step, name);
  if (!Number.isSafeInteger(step) || step < 0 || step > settings.stopAt)
    throw new WeightsError({
      file: name,
      expected: `__metadata__.step: 0 to ${settings.stopAt}`,
      found: text('step'),
    });
  return { step, state: await readState(file, clipTensorShapes(settings.config)) };
}

/** Where the run ends may change until the cool-down has begun: the steps before it are the same. */
function checkSettings(
  saved: Record<string, unknown>,
  settings: PretrainSettings,
  step: number,
  file: string,
): void {
  const begin = (of: { stopAt: number; cooldown: number }) => of.stopAt - of.cooldown;
  const { stopAt = saved.steps, cooldown = 0 } = saved as { stopAt?: number; cooldown?: number };
  const before = { ...saved, stopAt, cooldown } as Record<string, unknown> & typeof settings;
  const free = step <= begin(settings) && step <= begin(before) ? ['stopAt', 'cooldown'] : [];
  for (const [setting, value] of Object.entries(settings)) {
    if (free.includes(setting)) continue;
    const [expected, found] = [before[setting], value].map((of) => JSON.stringify(of) ?? 'nothing') as [
      string,
      string,
    ];
    if (expected !== found)
      throw new TrainingError({
        file,
        setting,
        expected: `${expected.slice(0, 200)} as in the checkpoint`,
        found: found.slice(0, 200),
      });
  }
}
