// The command line as a function, so that tests can call it.
import { Command, CommanderError } from 'commander';
import { visible } from '../base/text.ts';
import { describeFailure, ExitError, type Io, processIo, safeIo } from '../jobs/io.ts';
import { benchmarkCommand } from './benchmark.ts';
import { calibrateCommand } from './calibrate.ts';
import { classifyCommand } from './classify.ts';
import { dataCommand } from './data.ts';
import { demoCommand } from './demo.ts';
import { detectCommand } from './detect.ts';
import { evalCommand } from './eval.ts';
import { pageCommand } from './page.ts';
import { pretrainCommand } from './pretrain.ts';
import { promptsCommand } from './prompts.ts';
import { setupCommand } from './setup.ts';
import { synthCommand } from './synth.ts';
import { trainCommand } from './train.ts';
import { programVersion } from './version.ts';
import { weightsCommand } from './weights.ts';

export function createProgram(outside: Io): Command {
  let yes = false;
  // --yes answers for whoever is at the terminal, and where there is nobody.
  const io: Io = Object.create(outside, {
    confirm: { value: async (question: string) => yes || (await outside.confirm?.(question)) === true },
  });
  const program = new Command('faprompt')
    .description('FAPrompt: zero-shot anomaly detection on a frozen CLIP, trained and run on WebGPU')
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      // Quotes what was given, which may have come from a folder's listing: one line, and commander's own hint.
      outputError(text, write) {
        const [, error = text, hint = ''] = /^(.*?)(\n\(Did you mean [^\n]*\?\))?\n*$/s.exec(text) ?? [];
        write(visible(error) + hint);
      },
      writeErr(text) {
        for (const line of text.trimEnd().split('\n')) io.note(line);
      },
    })
    .exitOverride()
    .version(programVersion(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command');
  for (const command of [
    trainCommand,
    pretrainCommand,
    detectCommand,
    calibrateCommand,
    evalCommand,
    promptsCommand,
    benchmarkCommand,
    dataCommand,
    synthCommand,
    weightsCommand,
    classifyCommand,
    demoCommand,
    pageCommand,
    setupCommand,
  ]) {
    program.addCommand(command(io).copyInheritedSettings(program));
  }
  for (const command of program.commands.flatMap((own) => [own, ...own.commands]))
    if (command.options.some(({ long }) => long === '--clip') || wantsClip(command))
      command.option('--yes', 'download a CLIP that is named and not there yet, without asking');
  program.hook('preAction', (_, action) => {
    yes = action.opts().yes === true;
  });
  for (const nested of program.commands.flatMap(({ commands }) => commands))
    nested.copyInheritedSettings(program);
  return program;
}

/** Commands that name a CLIP otherwise: as their first argument, or in a file. */
const wantsClip = (command: Command): boolean =>
  command.name() === 'benchmark' ||
  (command.parent?.name() === 'weights' && ['info', 'convert', 'quality'].includes(command.name()));

/** Runs a command. @returns its exit code, 0 only on success */
export async function run(argv: readonly string[], outside: Io = processIo): Promise<number> {
  const io = safeIo(outside);
  try {
    await createProgram(io).parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof ExitError) return error.code;
    if (error instanceof CommanderError) return error.exitCode; // commander has printed it
    for (const line of describeFailure(error).split('\n')) io.note(line);
    return 1;
  }
}
