// Progress on standard error: a bar on a terminal, a line every ten seconds elsewhere, also while nothing gets done.
import cliProgress from 'cli-progress';
import { visible } from '../base/text.ts';
import { formatTime, type Io } from './io.ts';

export interface Progress {
  update(done: number, text?: string): void;
  /** A line that stays, above the bar. */
  note(text: string): void;
  stop(): void;
}

export interface ProgressOptions {
  /** Work that was done before, which says nothing about the time left. */
  readonly start?: number;
  /** What is counted: its seconds are shown ("3.2 s/image"). */
  readonly unit?: string;
}

const linesEvery = 10_000; // ms
const redrawEvery = 1000;

export function createProgress(io: Io, what: string, total: number, options: ProgressOptions = {}): Progress {
  const { start = 0, unit } = options;
  const run = { what, total, start, pace: createPace(total, start, unit) };
  return io.terminal ? bar(run) : lines(io, run);
}

interface Run {
  readonly what: string;
  readonly total: number;
  readonly start: number;
  pace(done: number): string;
}

/** The speed so far and the time left, in words; how long it has been while nothing is done yet. */
function createPace(total: number, start: number, unit: string | undefined) {
  const began = performance.now();
  return (done: number): string => {
    const elapsed = performance.now() - began;
    if (done <= start) return elapsed < redrawEvery ? '' : formatTime(elapsed);
    const each = elapsed / (done - start);
    const rate = unit === undefined ? '' : `${(each / 1000).toPrecision(2)} s/${unit}  `;
    return `${rate}${formatTime(each * (total - done))} left`;
  };
}

function bar({ what, total, start, pace }: Run): Progress {
  const shown = new cliProgress.SingleBar({
    format: `${visible(what).replace(/[{}]/g, '')} [{bar}] {value}/{total}  {text}  {pace}`,
    barsize: 24,
    hideCursor: true,
    stream: process.stderr,
    gracefulExit: false, // SIGINT is the command's own
  });
  let state = { done: start, text: '' };
  const payload = () => ({ text: state.text, pace: pace(state.done) });
  shown.start(total, start, payload());
  const timer = setInterval(() => shown.update(state.done, payload()), redrawEvery).unref();
  return {
    update(done, text = '') {
      state = { done, text: visible(text) };
      shown.update(done, payload());
    },
    note(text) {
      shown.stop();
      process.stderr.write(`${visible(text)}\n`);
      shown.start(total, state.done, payload());
    },
    stop() {
      clearInterval(timer);
      shown.stop();
    },
  };
}

function lines(io: Io, { what, total, start, pace }: Run): Progress {
  let state = { done: start, text: '' };
  const timer = setInterval(() => {
    const parts = [`${what} ${state.done}/${total}`, state.text, pace(state.done)];
    io.note(parts.filter((part) => part !== '').join('  '));
  }, linesEvery).unref();
  return {
    update(done, text = '') {
      state = { done, text };
    },
    note: (text) => io.note(text),
    stop: () => clearInterval(timer),
  };
}

/** Two phases as one: what is reported goes to the first until `next` starts the second. */
export function createPhases(first: Progress, second: () => Progress): Progress & { next(): void } {
  let current = first;
  let changed = false;
  return {
    update: (done, text) => current.update(done, text),
    note: (text) => current.note(text),
    stop: () => current.stop(),
    next() {
      if (changed) return;
      changed = true;
      first.stop();
      current = second();
    },
  };
}
