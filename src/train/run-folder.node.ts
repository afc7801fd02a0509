// The out folder of a run: checkpoints, log, final prompts.
import { appendFileSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../data/files.node.ts';
import { readSafetensors } from '../model/clip/safetensors.ts';
import { openFile } from '../model/clip/source.node.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { TrainingError } from './errors.ts';
import { epochLine, stepLine, truncateLog } from './log.ts';
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

const exists = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  );

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
  const last = path.join(dir, 'last.safetensors');
  const log = path.join(dir, 'log.jsonl');
  const begun = await exists(last);
  if (begun && !resume) {
    const found = 'the checkpoint of another run (last.safetensors): use --resume to go on with it';
    throw new TrainingError({ file: dir, setting: 'out', expected: 'a folder without a run', found });
  }
  const snapshot = begun ? await load(last, settings, shapes) : undefined;
  await mkdir(dir, { recursive: true });
  const before = snapshot ? await readFile(log, 'utf8').catch(() => '') : '';
  await writeFileAtomic(log, snapshot ? truncateLog(before, snapshot.progress) : '');
  return {
    resume: snapshot,
    async save(at, epoch) {
      const bytes = writeCheckpoint(at, settings, shapes);
      if (epoch !== undefined)
        await writeFileAtomic(path.join(dir, `epoch-${String(epoch).padStart(3, '0')}.safetensors`), bytes);
      await writeFileAtomic(last, bytes);
    },
    // Synchronous: a line is in the file before the checkpoint that follows it.
    step: (event) => appendFileSync(log, stepLine(event)),
    epoch: (event) => appendFileSync(log, epochLine(event)),
    async finish(prompts) {
      const file = path.join(dir, 'prompts.safetensors');
      await writeFileAtomic(file, prompts);
      return file;
    },
  };
}

async function load(
  file: string,
  settings: TrainSettings,
  shapes: ReadonlyMap<string, readonly number[]>,
): Promise<Snapshot> {
  const source = await openFile(file);
  try {
    return await readCheckpoint(await readSafetensors(source), settings, shapes);
  } finally {
    await source.close();
  }
}
