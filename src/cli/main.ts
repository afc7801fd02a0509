// Entry of `faprompt`: sets the exit code and lets the process end by itself.
import { run } from './program.ts';

process.exitCode = await run(process.argv.slice(2));
