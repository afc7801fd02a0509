// `faprompt calibrate`: chooses the score above which `detect` calls an image anomalous, and stores it with the prompts.

import { Command, InvalidArgumentError, Option } from 'commander';
import { checkOutputFile, writeFileAtomic } from '../base/files.node.ts';
import { visible } from '../base/text.ts';
import type { Split } from '../data/dataset.ts';
import { goodImagesNeeded, type Threshold, thresholdFromGood, thresholdFromLabelled } from '../eval/index.ts';
import { checkMethodOptions, choosePrompts, type MethodChoice } from '../jobs/choice.ts';
import { createDetector } from '../jobs/detection.ts';
import { listImages, unreadableProblem } from '../jobs/inputs.node.ts';
import { ExitError, type Io, UsageError } from '../jobs/io.ts';
import { createProgress } from '../jobs/progress.ts';
import { type CacheOptions, openFeatures, openSamples, promptsSettings, withClip } from '../jobs/session.ts';
import { isThreshold, ScoreError } from '../model/faprompt/verdict.ts';
import { writePrompts } from '../model/methods/prompts-file.ts';
import { addCacheOptions } from './cache-options.ts';
import { addChoiceOptions, addOtherClipOption, clipOption } from './choice-options.ts';

interface Given extends CacheOptions, MethodChoice {
  readonly clip: string;
  readonly good?: readonly string[];
  readonly data?: string;
  readonly split: Split;
  readonly falsePositiveRate: number;
  readonly bestF1?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

export const calibrateCommand = (io: Io): Command => {
  const command = new Command('calibrate')
    .description(
      'choose the threshold above which detect calls an image anomalous, and store it with the prompts',
    )
    .option(...clipOption)
    .option('--good <images...>', 'good images: files, or folders of them')
    .option('--data <dir>', 'labelled images: a data set (docs/DATASETS.md)')
    .addOption(
      new Option('--split <name>', "the data set's split").choices(['test', 'train']).default('test'),
    )
    .option('--false-positive-rate <share>', 'good images that may be called anomalous', rate, 0.01)
    .option('--best-f1', 'with --data: the threshold of the best F1 instead')
    .option(
      '--out <file>',
      'write the prompts (or the method) with the threshold here instead of changing the file',
    )
    .option('--json', 'print the threshold and what it does as JSON');
  return addCacheOptions(addOtherClipOption(addChoiceOptions(command)))
    .addHelpText(
      'after',
      `
From good images alone the rate is kept for further images of the same kind, whatever their scores (split conformal
prediction); a rate of 0.01 needs ${goodImagesNeeded(0.01)} of them. From labelled images it is the rate among these images.`,
    )
    .action((given: Given) => calibrate(io, given));
};

function rate(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1))
    throw new InvalidArgumentError('Expected a share of at least 0 and below 1.');
  return value;
}

interface Labelled {
  readonly file: string;
  readonly anomaly: boolean;
}

async function calibrate(io: Io, given: Given): Promise<void> {
  checkMethodOptions(given);
  const { good, data, bestF1, falsePositiveRate, out = given.prompts } = given;
  if (out === undefined)
    throw new UsageError(
      'expected --out FILE for the method with its threshold, or --prompts FILE to store it in',
    );
  if ((good === undefined) === (data === undefined))
    throw new UsageError('expected --good or --data, one of them');
  if (bestF1 && data === undefined) throw new UsageError('--best-f1: expected --data');
  let problems = 0;
  const skip = (message: string, note = (text: string) => io.note(text)): void => {
    problems++;
    note(`skipped: ${message}`);
  };
  const images: Labelled[] = [];
  await checkOutputFile(out, given.out === undefined ? '--prompts' : '--out');
  if (good) {
    const { targets, notes, unreadable } = await listImages(good);
    for (const note of notes) io.note(`note: ${note}`);
    for (const { file, reason } of unreadable) skip(unreadableProblem(file, reason));
    for (const { file } of targets) images.push({ file, anomaly: false });
  }
  if (data !== undefined) {
    const { dataset, skipped } = await openSamples(io, data, given.split);
    problems += skipped.length;
    for (const { image, anomaly } of dataset.samples) images.push({ file: image, anomaly });
  }
  await withClip(io, given.clip, async (session) => {
    const { prompts } = await choosePrompts(io, session, given);
    const features = openFeatures(io, session, promptsSettings(session, prompts), given);
    const detector = await createDetector(io, session, { prompts, features }, given);
    const bar = createProgress(io, 'scoring', images.length, { unit: 'image' });
    let done = 0;
    const labels: number[] = [];
    const scores: number[] = [];
    try {
      for await (const found of detector.detect(images, ({ file }) => file)) {
        if ('problem' in found && found.problem instanceof ScoreError) throw found.problem;
        if ('problem' in found) skip(found.problem.message, (text) => bar.note(text));
        else {
          labels.push(Number(found.item.anomaly));
          scores.push(found.score);
        }
        bar.update(++done);
      }
    } finally {
      bar.stop();
      detector.dispose();
      features.dispose();
    }
    const chosen = choose(labels, scores, falsePositiveRate, bestF1 ?? false);
    // Said before it is stored: a disk that fails does not lose it.
    io.out(given.json ? JSON.stringify({ prompts: out, ...chosen }, null, 2) : describe(chosen));
    await writeFileAtomic(out, writePrompts({ ...prompts, threshold: chosen }, session.clip.config));
    if (!given.json) io.out(visible(`stored in ${out}`));
  });
  if (problems > 0) throw new ExitError(1);
}

function choose(labels: number[], scores: number[], target: number, bestF1: boolean): Threshold {
  if (scores.length === 0) throw new UsageError('expected at least one image that can be read, found none');
  const onlyGood = !labels.includes(1);
  const chosen =
    onlyGood && !bestF1
      ? thresholdFromGood(scores, target)
      : thresholdFromLabelled(labels, scores, bestF1 ? undefined : target);
  if (!isThreshold(chosen.threshold))
    throw new UsageError(
      `expected good images that score below 1, found ${chosen.threshold} as the only threshold that lets them pass: no image could reach it`,
    );
  return chosen;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;

function describe(threshold: Threshold): string {
  const { good, anomalous, falsePositiveRate, truePositiveRate, bound, target } = threshold;
  const lines = [
    `threshold ${threshold.threshold}`,
    `good images called anomalous: ${percent(falsePositiveRate)} of ${good}`,
  ];
  if (truePositiveRate !== null)
    lines.push(`anomalous images called anomalous: ${percent(truePositiveRate)} of ${anomalous}`);
  if (bound !== null)
    lines.push(`a further good image is called anomalous with a chance of at most ${percent(bound)}`);
  if (bound !== null && target !== null && bound > target) {
    const needed =
      target > 0 ? `${goodImagesNeeded(target)} good images are needed` : 'no number of images is enough';
    lines.push(`warning: that is more than the ${percent(target)} that was asked for; ${needed}`);
  }
  return lines.join('\n');
}
