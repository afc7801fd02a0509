// npm run golden: holds the engine against the reference tensors; exit code 1 where an error exceeds its tolerance.
import { gpuOptions } from '../../src/cli/gpu-options.node.ts';
import { openGpu } from '../../src/gpu/gpu.ts';
import { checkGolden } from './check.ts';
import { referenceFolder } from './made.ts';
import { formatReport } from './report.ts';

// Forced variants and the like: src/cli/gpu-options.node.ts. Unlike the commands, nothing is tuned unless asked for.
const gpu = await openGpu(gpuOptions(console.error, { FAPROMPT_TUNE: 'off', ...process.env }));
try {
  const folder = await referenceFolder((text) => console.log(text));
  console.log(`${folder}\n${gpu.description}`);
  const report = await checkGolden(gpu, folder, (part) => console.log(`... ${part}`));
  const { text, worst, tensors } = formatReport(report);
  console.log(text);
  if (!(worst <= 1) || tensors === 0) process.exitCode = 1;
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  gpu.close();
}
