// The out folder of a run: checkpoints, log, final prompts.
import path from 'node:path';
import { writeFileAtomic } from '../base/files.node.ts';
import type { SafetensorsFile } from '../formats/safetensors.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { openCheckpointFolder } from './checkpoint-folder.node.ts';
import { epochLine, stepLine } from './log.ts';
import type { TrainSettings } from './settings.ts';
import type { EpochEvent, Snapshot, StepEvent } from './trainer.ts';

export interface RunFolder {
  /** The checkpoint to go on from; undefined at the beginning. */
  readonly resume: Snapshot | undefined;
  save(snapshot: Snapshot, epoch?: number): Promise<void>;
  step(event: StepEvent): void;
  epoch(event: EpochEvent): void;
  /** Writes `prompts.safetensors`; returns its path. */
  finish(prompts: Uint8Array): Promise<string>;
}

/**
 * Opens the folder of a new run, or of one to go on with (`resume`; from the beginning if it has no checkpoint yet).
 * @throws TrainingError for a new run in a folder that has a checkpoint, or for changed settings; WeightsError
 */
export async function openRunFolder(
  dir: string,
  settings: TrainSettings,
  shapes: ReadonlyMap<string, readonly number[]>,
  resume: boolean,
): Promise<RunFolder> {
  const read = (file: SafetensorsFile) => readCheckpoint(file, settings, shapes);
  const folder = await openCheckpointFolder(dir, resume, read, ({ progress }) => progress);
  return {
    resume: folder.resume,
    async save(at, epoch) {
      const bytes = writeCheckpoint(at, settings, shapes);
      if (epoch !== undefined)
        await writeFileAtomic(path.join(dir, `epoch-${String(epoch).padStart(3, '0')}.safetensors`), bytes);
      await folder.save(bytes);
    },
    step: (event) => folder.log(stepLine(event)),
    epoch: (event) => folder.log(epochLine(event)),
    async finish(prompts) {
      const file = path.join(dir, 'prompts.safetensors');
      await writeFileAtomic(file, prompts);
      return file;
    },
  };
}
