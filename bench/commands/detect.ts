import { type Command, Option } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { formatBytes } from '../../src/gpu/errors.ts';
import { processIo } from '../../src/jobs/io.ts';
import { opTable } from '../by-op.ts';
import { benchDetect, phases } from '../detect.ts';
import { describeEnvironment, environment, table } from '../output.ts';
import { modelNames, sizeOf } from '../random-clip.ts';
import { runTorch } from '../torch.ts';
import { integer } from './options.ts';

interface Given {
  model: string;
  size?: number;
  runs: number;
  f16?: boolean;
  torch?: true;
  json?: string;
}

const image = { width: 1024, height: 768 };

export const addDetectCommand = (program: Command): Command =>
  program
    .command('detect')
    .description('one image end to end: decode, preprocess, encode, score')
    .addOption(new Option('--model <name>').choices(modelNames).default('small'))
    .option('--size <pixels>', 'side of the images', integer)
    .option('--runs <n>', 'timed images; the median counts', integer, 5)
    .option('--f16', 'frozen matrices in f16')
    .option('--torch', 'the image encoder in PyTorch, in the same run')
    .option('--json <file>', 'write the result as JSON')
    .action(async ({ model, size = sizeOf(model), runs, f16: half = false, torch, json }: Given) => {
      const gpu = await processIo.openGpu();
      const where = environment(gpu);
      console.log(describeEnvironment(where));
      console.log(
        `${model}, ${size} px, a JPEG of ${image.width} x ${image.height}, ${half ? 'f16' : 'f32'} matrices`,
      );
      const detect = await benchDetect(gpu, { model, size, runs, half, image }).finally(() => gpu.close());
      const { total, gflop, bytes } = detect;
      const line = (name: string, { milliseconds, spread }: typeof total, flop = 0) => [
        name,
        milliseconds.toFixed(1),
        (100 * spread).toFixed(0),
        flop ? (flop / (milliseconds / 1e3)).toFixed(1) : '-',
      ];
      console.log(
        table(
          ['phase', 'ms', '+- %', 'GFLOP/s'],
          [
            ...phases.map((phase) =>
              line(phase, detect.phases[phase], phase === 'encode' || phase === 'score' ? gflop[phase] : 0),
            ),
            line('encode, in a row', detect.inARow, gflop.encode),
            line('total', total, gflop.encode + gflop.score),
          ],
        ),
      );
      if (detect.inARow.clock) console.log(`multiprocessors at ${detect.inARow.clock} MHz in a row`);
      if (detect.top.length > 0) console.log(opTable(detect.top));
      console.log(`memory: ${formatBytes(bytes)} with all weights`);
      const result: Record<string, unknown> = { environment: where, detect };
      if (torch) {
        const times = await runTorch(model, size, 1, 'detect');
        const ours = detect.phases.encode.milliseconds / 1e3;
        const ratio = ours / times.imageSeconds;
        console.log(
          `PyTorch ${times.torch} on ${times.device}, ${times.threads} threads, matmul ${times.matmulGflops.toFixed(0)} GFLOP/s: ` +
            `image encoder ${times.imageSeconds.toFixed(2)} s; ours ${ours.toFixed(2)} s, ${ratio.toFixed(2)} times as long`,
        );
        Object.assign(result, { torch: times, ratio });
      }
      if (json) await writeFileAtomic(json, `${JSON.stringify(result, null, 2)}\n`);
    });
