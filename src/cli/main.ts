// Entry of `faprompt`: sets the exit code and lets the process end by itself.
import './stderr.node.ts';
import { run } from './program.ts';

// A reader that has enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await run(process.argv.slice(2));
