// Entry of `faprompt`: sets the exit code and lets the process end by itself.
import './stderr.node.ts';
import { interrupt, leaveNothingUnfinished } from '../jobs/io.ts';
import { run } from './program.ts';

// Nobody hears what is said any more (a closed pipe, a terminal that is gone): the work goes on.
process.stderr.on('error', () => {});

// Nobody gets the results: work stops as at an interrupt, what is done is saved. A reader that had enough (`| head`) of
// what was being printed at the end is no error; a disk that is full is.
let lost: NodeJS.ErrnoException | undefined;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  lost ??= error;
  interrupt();
});

leaveNothingUnfinished();

const code = await run(process.argv.slice(2));
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
process.exitCode = code === 0 && lost !== undefined && lost.code !== 'EPIPE' ? 1 : code;
if (lost !== undefined && lost.code !== 'EPIPE')
  process.stderr.write(`error: standard output: ${lost.message}\n`);
