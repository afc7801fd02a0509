// Standard error where bin/faprompt.mjs says that it is (FAPROMPT_STDERR, a descriptor): descriptor 2 is then only for
// what native code prints. Imported for its effect, before anything writes.
import { writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import tty from 'node:tty';

/** Writes at once, as Node does for standard error: what was said is out when the process is killed. */
function synchronous(fd: number): Writable {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  return new Writable({
    decodeStrings: true,
    write(chunk: Buffer, _encoding, done) {
      try {
        for (let at = 0; at < chunk.length; ) {
          try {
            at += writeSync(fd, chunk, at);
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
            Atomics.wait(clock, 0, 0, 1); // the reader is slower
          }
        }
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

const fd = Number(process.env.FAPROMPT_STDERR);
delete process.env.FAPROMPT_STDERR; // not for the processes that this one starts
if (Number.isInteger(fd) && fd > 2) {
  const stream = tty.isatty(fd) ? new tty.WriteStream(fd) : synchronous(fd);
  Object.defineProperty(process, 'stderr', { value: stream, configurable: true, enumerable: true });
}
