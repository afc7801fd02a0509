// npm run bench -- kernels | step | detect | cold | peers: measurements, each checked before it is believed.
import { Command } from 'commander';
import { addColdCommand } from './commands/cold.ts';
import { addDetectCommand } from './commands/detect.ts';
import { addKernelsCommand } from './commands/kernels.ts';
import { addPeersCommand } from './commands/peers.ts';
import { addStepCommand } from './commands/step.ts';

const program = new Command('bench').description('measures the engine on this adapter');
for (const add of [addKernelsCommand, addStepCommand, addDetectCommand, addColdCommand, addPeersCommand])
  add(program);
await program.parseAsync();
