import { type Command, Option } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { formatBytes } from '../../src/gpu/errors.ts';
import { processIo } from '../../src/jobs/io.ts';
import { opTable } from '../by-op.ts';
import { describeEnvironment, environment } from '../output.ts';
import { configOf, modelNames, sizeOf } from '../random-clip.ts';
import { benchStep, type StepResult } from '../step.ts';
import { runTorch } from '../torch.ts';
import { integer } from './options.ts';

interface StepGiven {
  model: string;
  size?: number;
  batch: number;
  runs: number;
  f16?: true;
  steps: number;
  upload?: true;
  torch?: true;
  torchBatch?: number;
  json?: string;
}

function describeStep({
  milliseconds,
  spread,
  gflop,
  gflops,
  dispatches,
  host,
  gpu,
  uploadedBytes,
  uncached,
  bytes,
  growth,
  top,
}: StepResult) {
  return [
    `${(milliseconds / 1e3).toFixed(3)} s (+- ${(100 * spread).toFixed(0)} %), ${gflop.toFixed(1)} GFLOP, ${gflops.toFixed(1)} GFLOP/s, ${dispatches} dispatches`,
    `host: ${host.upload.toFixed(2)} ms uploads (${formatBytes(uploadedBytes)}), ${host.encode.toFixed(2)} ms encodes, ${host.submit.toFixed(2)} ms submits, ` +
      `${Math.max(0, milliseconds - host.upload - host.encode - host.submit).toFixed(2)} ms waits for the GPU` +
      (gpu === undefined ? '' : `; dispatches one by one: ${gpu.toFixed(2)} ms`),
    `memory: step planned ${formatBytes(bytes.plan)} with the weights it uses; measured ${formatBytes(bytes.measured)} with all weights`,
    `uncached and untruncated: ${uncached.total.toFixed(0)} GFLOP (image encoder ${uncached.image.toFixed(0)}, rest ${uncached.text.toFixed(0)}), ${(uncached.total / gflop).toFixed(1)} times as much`,
    ...(growth
      ? [
          `${growth.steps} more steps: GPU memory ${growth.gpuBytes} B more, process ${formatBytes(Math.max(0, growth.hostBytes))} more`,
        ]
      : []),
    opTable(top),
  ].join('\n');
}

export const addStepCommand = (program: Command): Command =>
  program
    .command('step')
    .description('one cached training step with seeded random weights')
    .addOption(new Option('--model <name>').choices(modelNames).default('small'))
    .option('--size <pixels>', 'side of the images', integer)
    .option('--batch <images>', 'images per step', integer, 8)
    .option('--runs <n>', 'timed steps; the median counts', integer, 5)
    .option('--f16', 'frozen matrices in f16')
    .option('--steps <n>', 'further steps, memory compared before and after', integer, 0)
    .option('--upload', 'features from the host in every step, as where they do not fit the GPU')
    .option('--torch', "the published step's arithmetic in PyTorch, in the same run")
    .option(
      '--torch-batch <images>',
      'images that PyTorch computes; its time is scaled to the batch',
      integer,
    )
    .option('--json <file>', 'write the result as JSON')
    .action(async (given: StepGiven) => {
      const { model, size = sizeOf(model), batch, runs, steps, f16 = false, upload = false } = given;
      configOf(model);
      const gpu = await processIo.openGpu();
      const where = environment(gpu);
      console.log(describeEnvironment(where));
      console.log(`${model}, ${size} px, batch ${batch}, ${f16 ? 'f16' : 'f32'} matrices`);
      let step: StepResult;
      try {
        step = await benchStep(gpu, { model, size, batch, runs, half: f16, steps, upload });
      } finally {
        gpu.close();
      }
      console.log(describeStep(step));
      const result: Record<string, unknown> = { environment: where, step };
      if (given.torch) {
        const images = given.torchBatch ?? batch;
        const torch = await runTorch(model, size, images, 'step');
        // 1 + K prompts once and K per image: the text side does not grow in proportion to the images.
        const texts = (count: number) => 11 + 10 * count;
        const seconds =
          torch.imageSeconds * (batch / images) + torch.textSeconds * (texts(batch) / texts(images));
        const ratio = seconds / (step.milliseconds / 1e3);
        console.log(
          `PyTorch ${torch.torch} on ${torch.device}, ${torch.threads} threads, matmul ${torch.matmulGflops.toFixed(0)} GFLOP/s: ` +
            `${seconds.toFixed(2)} s (image encoder ${torch.imageSeconds.toFixed(2)}, text ${torch.textSeconds.toFixed(2)}` +
            `${images === batch ? '' : `, ${images} of ${batch} images, scaled`}): ratio ${ratio.toFixed(1)}`,
        );
        Object.assign(result, { torch, torchSeconds: seconds, ratio });
      }
      if (given.json) await writeFileAtomic(given.json, `${JSON.stringify(result, null, 2)}\n`);
    });
