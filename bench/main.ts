// npm run bench -- kernels | step | pretrain | conv | detect | filo | folder | cold | load | peers | quality | pipelines | products | page | day | live | browser | soak: measurements, each checked before it is believed.
import { Command } from 'commander';
import { describeFailure, ExitError, processIo, safeIo } from '../src/jobs/io.ts';
import { addBrowserCommand } from './commands/browser.ts';
import { addColdCommand } from './commands/cold.ts';
import { addConvCommand } from './commands/conv.ts';
import { addDayCommand } from './commands/day.ts';
import { addDetectCommand } from './commands/detect.ts';
import { addFiloCommand } from './commands/filo.ts';
import { addFolderCommand } from './commands/folder.ts';
import { addKernelsCommand } from './commands/kernels.ts';
import { addLoadCommand } from './commands/load.ts';
import { addPageCommand } from './commands/page.ts';
import { addPeersCommand } from './commands/peers.ts';
import { addPipelinesCommand } from './commands/pipelines.ts';
import { addPretrainCommand } from './commands/pretrain.ts';
import { addProductsCommand } from './commands/products.ts';
import { addQualityCommand } from './commands/quality.ts';
import { addSoakCommand } from './commands/soak.ts';
import { addStepCommand } from './commands/step.ts';

const program = new Command('bench').description('measures the engine on this adapter');
for (const add of [
  addKernelsCommand,
  addStepCommand,
  addPretrainCommand,
  addConvCommand,
  addDetectCommand,
  addFiloCommand,
  addFolderCommand,
  addColdCommand,
  addLoadCommand,
  addPeersCommand,
  addProductsCommand,
  addQualityCommand,
  addPipelinesCommand,
  addPageCommand,
  addDayCommand,
  addBrowserCommand,
  addSoakCommand,
])
  add(program);
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = error instanceof ExitError ? error.code : 1;
  if (!(error instanceof ExitError)) {
    for (const line of describeFailure(error).split('\n')) safeIo(processIo).note(line);
    process.exit(); // a device that was left open would keep the process
  }
}
