// What the folders of all kinds of runs have in common: last.safetensors, the checkpoint, and log.jsonl beside it.
import { appendFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { makeFolder, unwritten, writeFileAtomic } from '../base/files.node.ts';
import { readText } from '../base/open.node.ts';
import { readSafetensors, type SafetensorsFile } from '../formats/safetensors.ts';
import { openFile } from '../formats/source.node.ts';
import { TrainingError } from './errors.ts';
import { truncateLog } from './log.ts';

const checkpointFile = 'last.safetensors';
/** Made when a run begins. */
const logFile = 'log.jsonl';

export interface CheckpointFolder<Snapshot> {
  /** The checkpoint to go on from; undefined at the beginning. */
  readonly resume: Snapshot | undefined;
  /** Replaces the checkpoint. */
  save(bytes: Uint8Array): Promise<void>;
  /** Adds a line to the log. Synchronous: it is in the file before the checkpoint that follows it. */
  log(line: string): void;
}

/** @throws TrainingError for a folder in which no run was begun: it may be the wrong one */
export function checkResume(dir: string): void {
  if (existsSync(path.join(dir, checkpointFile)) || existsSync(path.join(dir, logFile))) return;
  const found = existsSync(dir) ? 'a folder without one' : 'nothing';
  const expected = `the folder of a run to go on with (${checkpointFile}); leave out --resume to begin one`;
  throw new TrainingError({ file: dir, setting: 'resume', expected, found });
}

/**
 * Opens the folder of a new run, or of one to go on with (`resume`; from the beginning if it has no checkpoint yet).
 * Log lines after the checkpoint, which a killed run left, are taken out.
 * @param read reads a checkpoint; @param at its place in the log
 * @throws TrainingError for a new run in a folder that has a checkpoint; what `read` throws
 */
export async function openCheckpointFolder<Snapshot>(
  dir: string,
  resume: boolean,
  read: (file: SafetensorsFile) => Promise<Snapshot>,
  at: (snapshot: Snapshot) => { readonly step: number; readonly epoch: number },
): Promise<CheckpointFolder<Snapshot>> {
  const last = path.join(dir, checkpointFile);
  const log = path.join(dir, logFile);
  const begun = existsSync(last);
  if (begun && !resume) {
    const found = 'the checkpoint of another run (last.safetensors): use --resume to go on with it';
    throw new TrainingError({ file: dir, setting: 'out', expected: 'a folder without a run', found });
  }
  const snapshot = begun ? await load(last, read) : undefined;
  await makeFolder(dir);
  const before = snapshot ? await readText(log).catch(() => '') : '';
  await writeFileAtomic(log, snapshot ? truncateLog(before, at(snapshot)) : '');
  return {
    resume: snapshot,
    save: (bytes) => writeFileAtomic(last, bytes),
    log(line) {
      try {
        appendFileSync(log, line);
      } catch (error) {
        throw unwritten(log, error);
      }
    },
  };
}

async function load<Snapshot>(
  file: string,
  read: (file: SafetensorsFile) => Promise<Snapshot>,
): Promise<Snapshot> {
  const source = await openFile(file);
  try {
    return await read(await readSafetensors(source));
  } finally {
    await source.close();
  }
}
