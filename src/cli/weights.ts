import { Command, Option } from 'commander';
import { writeFileAtomic } from '../data/files.node.ts';
import { formatBytes } from '../gpu/errors.ts';
import {
  type ClipConfig,
  clipConfigFromShapes,
  knownClipConfigs,
  smallClipConfig,
} from '../model/clip/config.ts';
import { randomClipWeights } from '../model/clip/random.ts';
import {
  float16Tensor,
  float32Tensor,
  readSafetensors,
  writeSafetensors,
} from '../model/clip/safetensors.ts';
import { openFile } from '../model/clip/source.node.ts';
import { tokenizerForWeights, wordListMetadata } from '../model/clip/tokenizer.ts';
import { countParameters } from '../model/clip/weights.ts';
import { smallClipWords } from '../model/clip/words.ts';
import { hashFile } from '../train/features/features.node.ts';
import { integer } from './arguments.ts';
import type { Io } from './io.ts';

/** CLIPs by name; `small` is the one that ships in weights/. */
export const namedConfigs: Readonly<Record<string, ClipConfig>> = {
  small: smallClipConfig(smallClipWords.length),
  ...knownClipConfigs,
};

export const randomNotice = 'random weights: scores and metrics say nothing about detection quality';

export const weightsCommand = (io: Io): Command => {
  const command = new Command('weights').description('make and look at CLIP weights files');
  command
    .command('random')
    .description('write a CLIP with seeded random weights, for tests and demonstrations')
    .argument('<out>', 'safetensors file to write')
    .addOption(new Option('--config <name>', 'sizes').choices(Object.keys(namedConfigs)).default('small'))
    .option('--seed <n>', 'the same seed gives the same bytes', integer(0), 0)
    .addOption(new Option('--dtype <type>', 'storage').choices(['f16', 'f32']).default('f32'))
    .action(async (out: string, { config, seed, dtype }: { config: string; seed: number; dtype: string }) => {
      const tensors = randomClipWeights(namedConfigs[config]!, seed);
      const tensor = dtype === 'f16' ? float16Tensor : float32Tensor;
      const stored = new Map(
        [...tensors].map(([name, { shape, data }]) => [name, tensor(shape, data as Float32Array)]),
      );
      const words = config === 'small' ? wordListMetadata(smallClipWords) : {};
      const bytes = writeSafetensors(stored, { notice: randomNotice, config, seed: String(seed), ...words });
      await writeFileAtomic(out, bytes);
      io.out(`${out}: ${formatBytes(bytes.length)}, ${randomNotice}`);
    });
  command
    .command('info')
    .description('check a CLIP weights file and say what it is')
    .argument('<file>', 'safetensors file')
    .option('--json', 'print as JSON')
    .action(async (file: string, { json }: { json?: boolean }) => {
      const source = await openFile(file);
      try {
        const weights = await readSafetensors(source);
        const config = clipConfigFromShapes(weights.tensors, { file });
        const tokenizer = tokenizerForWeights(weights, config.vocabSize);
        const types = [...new Set([...weights.tensors.values()].map(({ dtype }) => dtype))];
        const info = {
          file,
          bytes: source.size,
          sha256: await hashFile(file),
          parameters: countParameters(config),
          types,
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
                .map(([key, value]) => `${key.padEnd(16)} ${value}`)
                .join('\n'),
        );
      } finally {
        await source.close();
      }
    });
  return command;
};
