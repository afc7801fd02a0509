// Progress on standard error: a bar on a terminal, now and then a line elsewhere.
import cliProgress from 'cli-progress';
import { formatTime, type Io } from './io.ts';

export interface Progress {
  update(done: number, text?: string): void;
  /** A line that stays, above the bar. */
  note(text: string): void;
  stop(): void;
}

const linesEvery = 10_000; // ms

/** @param start work that was done before, which says nothing about the time left */
export function createProgress(io: Io, what: string, total: number, start = 0): Progress {
  return io.terminal ? bar(what, total, start) : lines(io, what, total, start);
}

function bar(what: string, total: number, start: number): Progress {
  const shown = new cliProgress.SingleBar({
    format: `${what} [{bar}] {value}/{total}  {text}  {eta_formatted} left`,
    barsize: 24,
    hideCursor: true,
    stream: process.stderr,
    gracefulExit: false, // SIGINT is the command's own
    etaBuffer: 100,
  });
  shown.start(total, start, { text: '' });
  return {
    update: (done, text = '') => shown.update(done, { text }),
    note(text) {
      shown.stop();
      process.stderr.write(`${text}\n`);
      shown.start(total, shown.getProgress() * total, { text: '' });
    },
    stop: () => shown.stop(),
  };
}

function lines(io: Io, what: string, total: number, start: number): Progress {
  const began = performance.now();
  let last = began;
  return {
    update(done, text = '') {
      const now = performance.now();
      if (now - last < linesEvery) return;
      last = now;
      const left = ((now - began) / Math.max(1, done - start)) * (total - done);
      io.note(`${what} ${done}/${total}  ${text}  ${formatTime(left)} left`);
    },
    note: (text) => io.note(text),
    stop() {},
  };
}
