// The out folder of a pretraining run: last.safetensors, log.jsonl.
import { appendFileSync, existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../data/files.node.ts';
import { readSafetensors } from '../../model/clip/safetensors.ts';
import { openFile } from '../../model/clip/source.node.ts';
import { TrainingError } from '../errors.ts';
import { truncateLog } from '../log.ts';
import { readPretrainCheckpoint, writePretrainCheckpoint } from './checkpoint.ts';
import type { PretrainSettings } from './settings.ts';
import type { PretrainEvent, PretrainSnapshot } from './trainer.ts';

export interface PretrainFolder {
  /** The checkpoint to go on from; undefined at the beginning. */
  readonly resume: PretrainSnapshot | undefined;
  save(snapshot: PretrainSnapshot): Promise<void>;
  step(event: PretrainEvent): void;
}

/**
 * Opens the folder of a new run, or of one to go on with.
 * @throws TrainingError for a new run in a folder that has a checkpoint, or for changed settings; WeightsError
 */
export async function openPretrainFolder(
  dir: string,
  settings: PretrainSettings,
  resume: boolean,
): Promise<PretrainFolder> {
  const last = path.join(dir, 'last.safetensors');
  const log = path.join(dir, 'log.jsonl');
  const begun = existsSync(last);
  if (begun && !resume)
    throw new TrainingError({
      file: dir,
      setting: 'out',
      expected: 'a folder without a run',
      found: 'the checkpoint of another run (last.safetensors): use --resume to go on with it',
    });
  const snapshot = begun ? await load(last, settings) : undefined;
  await mkdir(dir, { recursive: true });
  const before = snapshot ? await readFile(log, 'utf8').catch(() => '') : '';
  await writeFileAtomic(log, snapshot ? truncateLog(before, { epoch: 0, step: snapshot.step }) : '');
  return {
    resume: snapshot,
    save: (at) => writeFileAtomic(last, writePretrainCheckpoint(at, settings)),
    // Synchronous: a line is in the file before the checkpoint that follows it.
    step: ({ step, losses, learningRate, ms, waited }) =>
      appendFileSync(
        log,
        `${JSON.stringify({ event: 'step', step, ...losses, lr: learningRate, ms: Math.round(ms), waited: Math.round(waited) })}\n`,
      ),
  };
}

async function load(file: string, settings: PretrainSettings): Promise<PretrainSnapshot> {
  const source = await openFile(file);
  try {
    return await readPretrainCheckpoint(await readSafetensors(source), settings);
  } finally {
    await source.close();
  }
}
