// The process that bench/soak.ts watches: `faprompt` as it is, whose device can be destroyed by a message.

import { run } from '../src/cli/program.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { processIo } from '../src/jobs/io.ts';

let gpu: Gpu | undefined;
process.on('message', () => gpu?.device.destroy());
process.exitCode = await run(process.argv.slice(2), {
  ...processIo,
  terminal: false,
  openGpu: async () => {
    gpu = await processIo.openGpu();
    return gpu;
  },
});
process.disconnect();
