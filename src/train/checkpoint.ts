// A run between two steps as a safetensors file: learnables, Adam's moments, progress, settings.

import { WeightsError } from '../formats/errors.ts';
import { type SafetensorsFile, writeSafetensors } from '../formats/safetensors.ts';
import { TrainingError } from './errors.ts';
import { checkSameSettings, fixedSettings, learningOf, type TrainSettings } from './settings.ts';
import { readState, stateTensors } from './state-file.ts';
import type { Progress, Snapshot } from './trainer.ts';

const format = 'faprompt-checkpoint';
const version = '1';

type Shapes = ReadonlyMap<string, readonly number[]>;

export function writeCheckpoint(
  { progress, state }: Snapshot,
  settings: TrainSettings,
  shapes: Shapes,
): Uint8Array {
  return writeSafetensors(stateTensors(state, shapes, learningOf(settings.method).optimizer.moments), {
    format,
    version,
    progress: JSON.stringify(progress),
    settings: JSON.stringify(fixedSettings(settings)),
  });
}

/**
 * Reads a checkpoint to go on from.
 * @throws WeightsError for a damaged file, TrainingError naming a setting that is not what the checkpoint was made with
 */
export async function readCheckpoint(
  file: SafetensorsFile,
  settings: TrainSettings,
  shapes: Shapes,
): Promise<Snapshot> {
  const name = file.source.name;
  const fail = (field: string, expected: string, found: string): never => {
    throw new WeightsError({ file: name, expected: `__metadata__.${field}: ${expected}`, found });
  };
  const text = (field: string) =>
    file.metadata.get(field) ?? fail(field, 'a text (is this a checkpoint?)', 'nothing');
  const parse = (field: string): Record<string, unknown> => {
    const value = text(field);
    try {
      const parsed: unknown = JSON.parse(value);
      if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
    } catch {}
    return fail(field, 'a JSON object', value.slice(0, 80));
  };
  if (text('format') !== format) fail('format', format, text('format'));
  if (text('version') !== version) fail('version', version, text('version'));
  checkSameSettings(parse('settings'), settings, name);

  const saved = parse('progress');
  const number = (field: keyof Progress, integer = true): number => {
    const value = saved[field];
    const valid =
      typeof value === 'number' &&
      (integer ? Number.isSafeInteger(value) && value >= 0 : Number.isFinite(value));
    return valid
      ? value
      : fail(`progress.${field}`, integer ? 'a count' : 'a number', JSON.stringify(value) ?? 'nothing');
  };
  const progress: Progress = {
    epoch: number('epoch'),
    position: number('position'),
    step: number('step'),
    lossSum: number('lossSum', false),
    lossSteps: number('lossSteps'),
    ...(saved.phaseStart === undefined ? {} : { phaseStart: number('phaseStart') }),
  };
  if (progress.epoch > settings.epochs) {
    const expected = `at least the ${progress.epoch} that are done`;
    throw new TrainingError({ file: name, setting: 'epochs', expected, found: `${settings.epochs}` });
  }

  return { progress, state: await readState(file, shapes, learningOf(settings.method).optimizer.moments) };
}
