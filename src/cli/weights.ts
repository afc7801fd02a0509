import { stat } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { checkOutputFile, writeFileAtomic } from '../base/files.node.ts';
import { visible } from '../base/text.ts';
import { float16Tensor, float32Tensor, writeSafetensors } from '../formats/safetensors.ts';
import { formatBytes } from '../gpu/errors.ts';
import type { Io } from '../jobs/io.ts';
import { hashWeights, obtainWeights } from '../jobs/models.ts';
import { knownBlipConfigs, smallBlipConfig } from '../model/blip/config.ts';
import { openClip } from '../model/checkpoint/open.node.ts';
import {
  type ClipConfig,
  clipConfigOf,
  clipMetadata,
  knownClipConfigs,
  smallClipConfig,
} from '../model/clip/config.ts';
import { randomClipWeights } from '../model/clip/random.ts';
import { tokenizerForWeights, wordListMetadata } from '../model/clip/tokenizer/tokenizer.ts';
import { smallClipWords } from '../model/clip/tokenizer/words.ts';
import { checkNumbers, countParameters } from '../model/clip/weights.ts';
import { integer } from './arguments.ts';
import { addConvertCommand } from './weights-convert.ts';
import { addHubCommands } from './weights-hub.ts';
import { addMixCommand } from './weights-mix.ts';
import { addQualityCommand } from './weights-quality.ts';

/** CLIPs by name; `small` is the one that ships in weights/. */
export const clipConfigs: Readonly<Record<string, ClipConfig>> = {
  small: smallClipConfig(smallClipWords.length),
  ...knownClipConfigs,
};
/** And BLIPs. */
export const namedConfigs: Readonly<Record<string, ClipConfig>> = {
  ...clipConfigs,
  ...knownBlipConfigs,
  'BLIP-small': smallBlipConfig(smallClipWords.length),
};

export const randomNotice = 'random weights: scores and metrics say nothing about detection quality';

export const weightsCommand = (io: Io): Command => {
  const command = new Command('weights').description('get, make, convert and look at CLIP weights');
  addRandom(command, io);
  addInfo(command, io);
  addConvertCommand(command, io);
  addMixCommand(command, io);
  addQualityCommand(command, io);
  addHubCommands(command, io);
  return command;
};

function addRandom(command: Command, io: Io): void {
  command
    .command('random')
    .description('write a CLIP with seeded random weights, for tests and demonstrations')
    .argument('<out>', 'safetensors file to write')
    .addOption(new Option('--config <name>', 'sizes').choices(Object.keys(namedConfigs)).default('small'))
    .option('--seed <n>', 'the same seed gives the same bytes', integer(0), 0)
    .addOption(new Option('--dtype <type>', 'storage').choices(['f16', 'f32']).default('f32'))
    .action(async (out: string, { config, seed, dtype }: { config: string; seed: number; dtype: string }) => {
      await checkOutputFile(out, '<out>');
      const tensors = randomClipWeights(namedConfigs[config]!, seed);
      const tensor = dtype === 'f16' ? float16Tensor : float32Tensor;
      const stored = new Map(
        [...tensors].map(([name, { shape, data }]) => [name, tensor(shape, data as Float32Array)]),
      );
      const sizes = clipMetadata(namedConfigs[config]!);
      const words = /small$/.test(config) ? wordListMetadata(smallClipWords) : {};
      const bytes = writeSafetensors(stored, {
        notice: randomNotice,
        config,
        seed: String(seed),
        ...sizes,
        ...words,
      });
      await writeFileAtomic(out, bytes);
      io.out(`${out}: ${formatBytes(bytes.length)}, ${randomNotice}`);
    });
}

function addInfo(command: Command, io: Io): void {
  command
    .command('info')
    .description('check a CLIP weights file and say what it is')
    .argument('<file>', 'weights file in any format, a folder, or a known name')
    .option('--json', 'print as JSON')
    .action(async (file: string, { json }: { json?: boolean }) => {
      const opened = await openClip(await obtainWeights(io, file));
      const { file: weights, files, scheme, close } = opened;
      try {
        const config = clipConfigOf(weights);
        const tokenizer = tokenizerForWeights(weights, config.vocabSize);
        await checkNumbers(weights);
        const types = [...new Set([...weights.tensors.values()].map(({ dtype }) => dtype))];
        const sizes = await Promise.all(files.map((name) => stat(name)));
        const info = {
          file,
          bytes: sizes.reduce((sum, { size }) => sum + size, 0),
          sha256: await hashWeights(files),
          names: scheme,
          parameters: countParameters(config),
          types,
          prefix: opened.prefix ?? null,
          otherTensors:
            opened.ignored.length > 0
              ? `${opened.ignored.length} other tensors, e.g. ${opened.ignored[0]}`
              : null,
          // Named, as nobody else looks into a pickle before it is loaded elsewhere.
          otherObjects: weights.foreign?.length ? weights.foreign.join(', ') : null,
          tokenizer: weights.metadata.get('tokenizer') ?? 'openai',
          notice: weights.metadata.get('notice') ?? null,
          ...config,
          vocabSize: tokenizer.vocabSize,
        };
        io.out(
          json
            ? JSON.stringify(info)
            : Object.entries(info)
                .filter(([, value]) => value !== null)
                .map(([key, value]) => visible(`${key.padEnd(16)} ${value}`))
                .join('\n'),
        );
      } finally {
        await close();
      }
    });
}
