// A pretraining run between two steps as a safetensors file: weights, moments, step, settings.
import { clipTensorShapes } from '../../model/clip/config.ts';
import {
  float32Tensor,
  type SafetensorsFile,
  type TensorData,
  writeSafetensors,
} from '../../model/clip/safetensors.ts';
import { WeightsError } from '../../model/errors.ts';
import { TrainingError } from '../errors.ts';
import type { PretrainSettings } from './settings.ts';
import type { PretrainSnapshot } from './trainer.ts';

const format = 'faprompt-pretrain-checkpoint';
const parts = ['parameters', 'm', 'v'] as const;
const prefix = { parameters: '', m: 'm/', v: 'v/' } as const;

export function writePretrainCheckpoint(
  { step, state }: PretrainSnapshot,
  settings: PretrainSettings,
): Uint8Array {
  const tensors = new Map<string, TensorData>();
  for (const part of parts)
    for (const [name, shape] of clipTensorShapes(settings.config))
      tensors.set(prefix[part] + name, float32Tensor(shape, state[part]!.get(name)!));
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
  checkSettings(JSON.parse(text('settings')), settings, name);
  const step = Number(text('step'));
  if (!Number.isSafeInteger(step) || step < 0 || step > settings.steps)
    throw new WeightsError({
      file: name,
      expected: `__metadata__.step: 0 to ${settings.steps}`,
      found: text('step'),
    });
  const read = async (part: (typeof parts)[number]) => {
    const values = new Map<string, Float32Array>();
    for (const [key, shape] of clipTensorShapes(settings.config)) {
      const stored = file.tensors.get(prefix[part] + key);
      if (`${stored?.shape}` !== `${shape}`)
        throw new WeightsError({
          file: name,
          tensor: prefix[part] + key,
          expected: `[${shape}]`,
          found: stored ? `[${stored.shape}]` : 'no such tensor',
        });
      values.set(key, await file.readFloat32(prefix[part] + key));
    }
    return values;
  };
  return {
    step,
    state: { parameters: await read('parameters'), m: await read('m'), v: await read('v') },
  };
}

function checkSettings(saved: Record<string, unknown>, settings: PretrainSettings, file: string): void {
  for (const [setting, value] of Object.entries(settings)) {
    const [before, found] = [saved[setting], value].map((of) => JSON.stringify(of) ?? 'nothing') as [
      string,
      string,
    ];
    if (before !== found)
      throw new TrainingError({
        file,
        setting,
        expected: `${before.slice(0, 200)} as in the checkpoint`,
        found: found.slice(0, 200),
      });
  }
}
