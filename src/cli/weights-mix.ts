// weights mix: the mean of several CLIPs.
import { type Command, InvalidArgumentError } from 'commander';
import { checkOutputFile, realPlace } from '../base/files.node.ts';
import { visible } from '../base/text.ts';
import { writeTensors } from '../formats/safetensors-write.node.ts';
import { formatBytes } from '../gpu/errors.ts';
import { type Io, UsageError } from '../jobs/io.ts';
import { hashWeights, obtainWeights } from '../jobs/models.ts';
import { mixed } from '../model/checkpoint/mix.ts';
import { openClip } from '../model/checkpoint/open.node.ts';

interface Given {
  readonly shares?: readonly number[];
}

export function addMixCommand(command: Command, io: Io): void {
  command
    .command('mix')
    .description(
      'write the mean of several CLIPs of equal sizes in F16: between one and what training made of it',
    )
    .argument('<out>', 'safetensors file to write; metadata as of the last one, and what it was mixed from')
    .argument('<in...>', 'weights files, folders, or known names')
    .option('--shares <a,b,...>', 'weight of each in the mean (default: all alike)', shares)
    .action(async (out: string, inputs: readonly string[], given: Given) => {
      const { shares: parts = inputs.map(() => 1) } = given;
      if (inputs.length < 2)
        throw new UsageError(`<in...>: expected two CLIPs or more, found ${inputs.length}`);
      if (parts.length !== inputs.length)
        throw new UsageError(`--shares: expected ${inputs.length} numbers, found ${parts.length}`);
      await checkOutputFile(out, '<out>');
      await mix(io, out, inputs, parts);
    });
}

function shares(text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!values.every((value) => value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('Expected numbers above 0, separated by commas.');
  return values;
}

async function mix(io: Io, out: string, inputs: readonly string[], parts: readonly number[]): Promise<void> {
  const opened: Awaited<ReturnType<typeof openClip>>[] = [];
  try {
    for (const input of inputs) {
      const file = await obtainWeights(io, input);
      if ((await realPlace(out)) === (await realPlace(file)))
        throw new UsageError(`<out>: expected another file than those of <in...>, found ${out}`);
      opened.push(await openClip(file));
    }
    const from = await Promise.all(
      opened.map(async ({ files }, i) => ({ sha256: await hashWeights(files), share: parts[i]! })),
    );
    const mean = mixed(opened.map(({ file }, i) => ({ file, share: parts[i]! })));
    let bytes = 0;
    await writeTensors(out, mean, {
      dtype: 'F16',
      metadata: { ...Object.fromEntries(mean.metadata), mixed: JSON.stringify(from) },
      onProgress: (_, total) => {
        bytes = total;
      },
    });
    io.out(visible(`${out}: ${formatBytes(bytes)}, the mean of ${inputs.length} CLIPs`));
  } finally {
    for (const { close } of opened) await close();
  }
}
