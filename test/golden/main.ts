// npm run golden: holds the engine against the reference tensors; exit code 1 where an error exceeds its tolerance.
import path from 'node:path';
import { openGpu } from '../../src/gpu/gpu.ts';
import { checkGolden } from './check.ts';
import { formatReport } from './report.ts';

const folder = path.resolve(process.env.FAPROMPT_GOLDEN ?? '../shared/golden');
// FAPROMPT_VARIANTS=matmul=tile,attention=direct forces variants of operators; FAPROMPT_SUBGROUPS=0 does without them.
const forced = (process.env.FAPROMPT_VARIANTS ?? '').split(',').filter(Boolean);
const variants = Object.fromEntries(forced.map((pair) => pair.split('=') as [string, string]));
const gpu = await openGpu({ variants, subgroups: process.env.FAPROMPT_SUBGROUPS !== '0' });
try {
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
