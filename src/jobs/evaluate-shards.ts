// eval --shard and --merge: the images of a data set shared between processes, their metrics as of one run.
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { type EvalSample, type EvaluateOptions, type Evaluation, evaluate } from '../eval/index.ts';
import type { Prompts } from '../model/methods/prompts-file.ts';
import { writePrompts } from '../model/methods/prompts-file.ts';
import type { FeatureSource } from '../train/features/source.ts';
import { evalSamples } from './evaluate.ts';
import type { ImageSettings } from './image-settings.ts';
import type { Io } from './io.ts';
import { createProgress } from './progress.ts';
import type { ClassScorers } from './scorers.ts';
import type { ClipSession } from './session.ts';
import { openShardFile, readSample, readShards, type ShardHeader } from './shard-file.node.ts';
import { ofShard, type Shard } from './shards.ts';

export interface ShardJob {
  readonly shard: Shard;
  readonly file: string;
  /** As given, for the merged results. */
  readonly given: Pick<ShardHeader, 'data' | 'split' | 'clip' | 'prompts' | 'method' | 'boxes'>;
  readonly dataset: Dataset;
  readonly skipped: readonly string[];
  readonly prompts: Prompts;
}

/** Scores a shard's images that its file does not have yet. @returns how many could not be read */
export async function evaluateShard(
  io: Io,
  session: ClipSession,
  { scorers, features, sizes }: { scorers: ClassScorers; features: FeatureSource; sizes: ImageSettings },
  { shard, file, given, dataset, skipped, prompts }: ShardJob,
): Promise<number> {
  const list = dataset.samples.map(({ image, className, defect, anomaly }) => [
    path.relative(dataset.root, image),
    className,
    defect,
    anomaly,
  ]);
  const header: ShardHeader = {
    ...{ faprompt: 'eval-shard', version: 1, shard, ...given },
    clipSha256: session.sha256,
    detector: sha256(writePrompts(prompts, session.clip.config)),
    size: sizes.imageSize,
    classes: [...dataset.classes],
    images: list.length,
    samples: sha256(JSON.stringify(list)),
    skipped: [...skipped],
  };
  const lines = await openShardFile(file, header);
  try {
    const indices = new Map(dataset.samples.map((sample, index) => [sample, index]));
    const own = ofShard(dataset.samples, shard).filter((sample) => !lines.done.has(indices.get(sample)!));
    if (lines.done.size > 0) io.note(`${file}.part: ${lines.done.size} images are done`);
    const bar = createProgress(io, 'evaluating', lines.done.size + own.length, {
      start: lines.done.size,
      unit: 'image',
    });
    let done = lines.done.size;
    const setup = { gpu: session.gpu, features, size: sizes.imageSize };
    let problems = 0;
    try {
      for (const className of dataset.classes) {
        const samples = own.filter((sample) => sample.className === className);
        if (samples.length === 0) continue;
        const scorer = await scorers.of(className);
        for await (const found of evalSamples(setup, scorer, samples)) {
          const index = indices.get(found.item)!;
          if ('problem' in found) {
            problems++;
            bar.note(`skipped: ${found.problem.message}`);
            await lines.problem(index, found.file, className, found.problem.message);
          } else await lines.image(index, found.item.image, className, found.sample);
          bar.update(++done);
        }
      }
    } finally {
      bar.stop();
    }
    await lines.end();
    return problems;
  } finally {
    await lines.close();
  }
}

/** The evaluation of all shards: in the order of one run, so that every sum is the same. @throws UsageError */
export async function mergeShards(
  files: readonly string[],
  options: EvaluateOptions,
): Promise<{ header: ShardHeader; evaluation: Evaluation; problems: string[] }> {
  const { header, images, problems } = await readShards(files);
  const of = <T extends { readonly class: string }>(found: ReadonlyMap<number, T>, className: string): T[] =>
    [...found]
      .filter(([, { class: own }]) => own === className)
      .sort(([a], [b]) => a - b)
      .map(([, value]) => value);
  async function* samplesOf(className: string): AsyncGenerator<EvalSample> {
    for (const place of of(images, className)) yield await readSample(place, header.size);
  }
  const evaluation = await evaluate(
    header.classes.map((name) => ({ name, samples: samplesOf(name) })),
    options,
  );
  const met = header.classes.flatMap((name) => of(problems, name).map(({ file }) => file));
  return { header, evaluation, problems: [...header.skipped, ...met] };
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
