// npm run golden: holds the engine against the reference tensors; exit code 1 where an error exceeds its tolerance.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { openGpu } from '../../src/gpu/gpu.ts';
import { gpuOptions } from '../../src/jobs/gpu-options.node.ts';
import { checkGolden } from './check.ts';
import { referenceFolder } from './made.ts';
import { checkMethods } from './methods/check.ts';
import { formatReport } from './report.ts';

const methods = path.resolve(process.env.FAPROMPT_METHODS_GOLDEN ?? '../shared/methods/golden');
// Forced variants and the like: src/jobs/gpu-options.node.ts. Unlike the commands, nothing is tuned unless asked for.
const gpu = await openGpu(gpuOptions(console.error, { FAPROMPT_TUNE: 'off', ...process.env }));
try {
  const folder = await referenceFolder((text) => console.log(text));
  console.log(`${folder}\n${gpu.description}`);
  const report = await checkGolden(gpu, folder, (part) => console.log(`... ${part}`));
  const { text, worst, tensors } = formatReport(report);
  console.log(text);
  if (!(worst <= 1) || tensors === 0) process.exitCode = 1;
  // A folder that was named must be there; the usual one need not.
  if (process.env.FAPROMPT_METHODS_GOLDEN !== undefined || existsSync(methods)) {
    console.log(`\n${methods}`);
    // The CLIP that they were made from, where they have none of their own: golden/a beside methods/golden.
    const beside = path.resolve(methods, '../../golden');
    const base = existsSync(path.join(beside, 'manifest.json')) ? beside : folder;
    const own = formatReport(await checkMethods(gpu, methods, base, (part) => console.log(`... ${part}`)));
    console.log(own.text);
    if (!(own.worst <= 1) || own.tensors === 0) process.exitCode = 1;
  }
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  gpu.close();
}
