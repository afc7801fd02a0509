// The out folder of a pretraining run.
import type { SafetensorsFile } from '../../formats/safetensors.ts';
import { openCheckpointFolder } from '../checkpoint-folder.node.ts';
import { readPretrainCheckpoint, writePretrainCheckpoint } from './checkpoint.ts';
import type { PretrainSettings } from './settings.ts';
import type { PretrainEvent, PretrainSnapshot } from './trainer.ts';

export interface PretrainFolder {
  /** The checkpoint to go on from; undefined at the beginning. */
  readonly resume: PretrainSnapshot | undefined;
  save(snapshot: PretrainSnapshot): Promise<void>;
  step(event: PretrainEvent): void;
}

/** As `openCheckpointFolder`. @throws TrainingError for changed settings as well, WeightsError */
export async function openPretrainFolder(
  dir: string,
  settings: PretrainSettings,
  resume: boolean,
): Promise<PretrainFolder> {
  const read = (file: SafetensorsFile) => readPretrainCheckpoint(file, settings);
  const folder = await openCheckpointFolder(dir, resume, read, ({ step }) => ({ step, epoch: 0 }));
  return {
    resume: folder.resume,
    save: (snapshot) => folder.save(writePretrainCheckpoint(snapshot, settings)),
    step: (event) => folder.log(stepLine(event)),
  };
}

const stepLine = ({ step, losses, learningRate, ms, waited }: PretrainEvent): string =>
  `${JSON.stringify({ event: 'step', step, ...losses, lr: learningRate, ms: Math.round(ms), waited: Math.round(waited) })}\n`;
