// What a run of `faprompt detect` has found: rows and problems as they come, the table and scores.json at the end.
import path from 'node:path';
import { writeFileAtomic } from '../base/files.node.ts';
import { visible, visibleJson } from '../base/text.ts';
import { isAnomalous } from '../model/faprompt/verdict.ts';
import type { Chosen } from './choice.ts';
import { type Pictures, type Row, rowOf } from './detect-rows.ts';
import type { Found } from './detection.ts';
import type { Target } from './inputs.node.ts';
import type { Io } from './io.ts';
import { formatShard, type Shard } from './shards.ts';
import { formatVerdict, verdictTable } from './verdict-table.ts';

export interface ResultsJob {
  readonly clip: string;
  readonly out?: string;
  readonly shard?: Shard;
  readonly json?: boolean;
  readonly jsonLines?: boolean;
}

/** Where a line for people goes: above a progress bar, say. */
export type Notes = Pick<Io, 'note'>;

export interface Results {
  /** What images are looked at with, once it is known. */
  began(chosen: Chosen, threshold: number | undefined): void;
  /** From here on nothing is kept: a watch may go on for months. */
  watching(): void;
  /** Something that could not be read, scored or written. */
  report(image: string, problem: string, notes?: Notes): void;
  /** An image's row; where its pictures could not be written, the score still counts. */
  add(found: Found<Target>, made: Pictures | Error, notes: Notes): void;
  /** Prints what `job` asks for and writes scores.json. */
  write(interrupted: boolean): Promise<void>;
  /** Whether a problem was reported. */
  readonly failed: boolean;
  /** Images at the threshold or above. */
  readonly fails: number;
}

/** @param total images that were asked for */
export function createResults(io: Io, job: ResultsJob, total: number): Results {
  const rows: Row[] = [];
  const problems: { readonly image: string; readonly problem: string }[] = [];
  const { clip, out, shard } = job;
  const scoresFile = shard ? `scores.${shard.index}-of-${shard.count}.json` : 'scores.json';
  let head: Pick<Chosen, 'label' | 'prompts'> | undefined;
  let threshold: number | undefined;
  let kept = true;
  let failed = false;
  let fails = 0;
  const report: Results['report'] = (image, problem, notes = io) => {
    failed = true;
    if (kept) problems.push({ image, problem });
    if (job.jsonLines) io.out(JSON.stringify({ image, problem }));
    notes.note(`skipped: ${problem}`);
  };
  return {
    began(chosen, chosenThreshold) {
      head = chosen;
      threshold = chosenThreshold;
    },
    watching() {
      kept = false;
    },
    report,
    add(found, made, notes) {
      const anomalous = threshold === undefined ? undefined : isAnomalous(found.score, threshold);
      if (anomalous) fails++;
      if (made instanceof Error) report(found.item.file, made.message, notes);
      const row = rowOf(found, anomalous, made instanceof Error ? {} : made);
      if (kept) rows.push(row);
      if (job.jsonLines) io.out(JSON.stringify(row));
      else if (!kept) io.out(formatVerdict(row).join('  '));
    },
    async write(interrupted) {
      const tiles = head?.prompts.tiles;
      const json = visibleJson(
        {
          clip,
          ...head?.label,
          ...(tiles ? { tiles } : {}),
          ...(shard ? { shard: formatShard(shard) } : {}),
          ...(threshold === undefined ? {} : { threshold, fails }),
          ...(interrupted ? { interrupted: true, missing: total - rows.length } : {}),
          images: rows,
          problems,
        },
        2,
      );
      // Printed first: that does not depend on a disk.
      if (job.json) io.out(json);
      else if (!job.jsonLines) io.out(verdictTable(rows, threshold));
      if (out !== undefined) await writeFileAtomic(path.join(out, scoresFile), `${json}\n`);
      if (!job.json && !job.jsonLines)
        io.out(
          out === undefined
            ? 'scores only: --out DIR writes heat maps, maps and scores.json'
            : visible(`heat maps, maps and ${scoresFile}: ${out}`),
        );
      if (interrupted) io.note(`interrupted: ${rows.length} of ${total} images are done`);
    },
    get failed() {
      return failed;
    },
    get fails() {
      return fails;
    },
  };
}
