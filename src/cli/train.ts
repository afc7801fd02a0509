import { Command, Option } from 'commander';
import { checkApart, checkOutputFolder } from '../base/files.node.ts';
import { visible } from '../base/text.ts';
import { formatBytes } from '../gpu/errors.ts';
import { ExitError, formatFlops, formatTime, type Io, UsageError } from '../jobs/io.ts';
import { openSamples, withClip } from '../jobs/session.ts';
import { type TrainingReport, trainToFolder } from '../jobs/training-folder.ts';
import type { Method } from '../model/methods/method.ts';
import { checkResume } from '../train/checkpoint-folder.node.ts';
import { learningOf } from '../train/settings.ts';
import { addFapromptOptions, addMethodOptions, chosenMethod, integer, positive } from './arguments.ts';
import { addCacheOptions } from './cache-options.ts';
import { dryRun } from './dry-run.ts';
import type { TrainGiven } from './train-given.ts';
import { namedConfigs } from './weights.ts';

export const trainCommand = (io: Io): Command => {
  const command = new Command('train')
    .description('train prompts on images with masks; the CLIP stays as it is')
    .option('--data <dir>', 'data set: a folder with meta.json or in a known layout (docs/DATASETS.md)')
    .option(
      '--clip <file>',
      'CLIP weights in any format that weights convert reads, or the name of a known CLIP (weights list)',
    )
    .option('--out <dir>', 'folder for checkpoints, log.jsonl and prompts.safetensors')
    .addOption(
      new Option('--split <name>', "the data set's split; the field trains on test, as only that has defects")
        .choices(['test', 'train'])
        .default('test'),
    )
    .option('--epochs <n>', "passes over the images (default: the method's, 15 for FAPrompt)", integer(1))
    .option('--batch <n>', "images a step (default: the method's, 8 for FAPrompt)", integer(1))
    .option(
      '--image-size <pixels>',
      "side to which images are squashed (default: what the weights say, else 518 for patches of 14, else the CLIP's own)",
      integer(1),
    )
    .option(
      '--dual-layers <n>',
      'trailing image-encoder blocks with the V-V stream (default: 19 of 24, or that share)',
      integer(0),
    )
    .option('--seed <n>', 'the same seed gives the same prompts', integer(0), 0)
    .option('--lr <x>', "learning rate (default: the method's, 0.001 for FAPrompt)", positive)
    .option('--vocabulary <file>', 'for methods whose prompts name classes: see faprompt classify --help')
    .option('--resume', "go on from the folder's last checkpoint")
    .option('--save-every <n>', 'steps between checkpoints inside an epoch', integer(1), 50)
    .option(
      '--gpu-cache <MiB>',
      'GPU memory for image features, which are then uploaded once, not in every step; 0: none (default: what the adapter allows, 4096 at most)',
      integer(0),
    )
    .option('--dry-run', 'say what a run would need, and stop; --data only says the classes')
    .option('--nodes', 'with --dry-run: print every node of the plans, with the buffers it reads and writes')
    .addOption(
      new Option('--clip-config <name>', 'with --dry-run: a CLIP or BLIP by name instead of a file').choices(
        Object.keys(namedConfigs),
      ),
    )
    .option('--json', 'print the result as JSON');
  addCacheOptions(command);
  addMethodOptions(command);
  addFapromptOptions(command);
  return command
    .addHelpText(
      'after',
      '\nInterrupting (Ctrl-C) saves after the step under way and exits with code 130; --resume continues with the same bits.',
    )
    .action(async (given: TrainGiven) => {
      const method = await chosenMethod(
        given as unknown as Record<string, unknown>,
        (option) => command.getOptionValueSource(option) === 'cli',
      );
      if (given.dryRun) return dryRun(io, given, method);
      if (given.clipConfig !== undefined) throw new UsageError('--clip-config: only with --dry-run');
      await trainOnce(io, given, method);
    });
};

async function trainOnce(io: Io, given: TrainGiven, method: Method): Promise<void> {
  const { data, clip, out } = given;
  learningOf(method); // or else, before anything is opened
  for (const [name, value] of Object.entries({ data, clip, out }))
    if (value === undefined) throw new UsageError(`--${name} is missing (see faprompt train --help)`);
  await checkOutputFolder(out!, '--out');
  await checkApart(out!, '--out', data!);
  if (given.resume) checkResume(out!);
  const { dataset, skipped } = await openSamples(io, data!, given.split);
  const report = await withClip(io, clip!, (session) =>
    trainToFolder(io, session, dataset, {
      ...given,
      learningRate: given.lr,
      method,
      out: out!,
      resume: given.resume ?? false,
    }),
  );
  const problems = report.problems + skipped.length;
  io.out(
    given.json ? JSON.stringify({ ...report, problems }) : describeReport({ ...report, problems }, out!),
  );
  if (!report.finished) throw new ExitError(130);
  if (problems > 0) throw new ExitError(1);
}

export function describeReport(report: TrainingReport, out: string): string {
  const { images, step, memory } = report;
  return [
    report.finished
      ? `prompts: ${visible(report.prompts ?? '')}`
      : `interrupted after step ${report.steps}; go on with --resume --out ${visible(out)}`,
    `${report.steps} steps in ${formatTime(1000 * report.seconds)}; features of ${images.encoded} images encoded, ${images.cached} read from the cache, ${images.resident} kept on the GPU` +
      (images.damaged > 0 ? `, ${images.damaged} damaged entries made again` : ''),
    ...(report.losses.length > 0
      ? [`mean loss per epoch: ${report.losses.map((loss) => loss.toFixed(5)).join(', ')}`]
      : []),
    ...(step
      ? [
          `one step: ${step.ms.toFixed(1)} ms, ${formatFlops(step.flops)}, ${(step.flops / step.ms / 1e6).toFixed(2)} GFLOP/s`,
        ]
      : []),
    `GPU memory: ${formatBytes(memory.planned)} planned and ${formatBytes(memory.images)} of images, ${formatBytes(memory.peak)} at most held (on top of the plan: uniforms, images being resized)`,
    ...(report.problems > 0 ? [`${report.problems} images could not be used`] : []),
  ].join('\n');
}
