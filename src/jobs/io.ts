// What a command sees of the outside world, so that tests can run commands in their own process.
import { createInterface } from 'node:readline/promises';
import { visible, visibleLines } from '../base/text.ts';
import { onUnfinished, removeUnfinished } from '../base/unfinished.node.ts';
import { type Gpu, openGpu } from '../gpu/gpu.ts';
import { gpuOptions } from './gpu-options.node.ts';

export interface Io {
  /** Results: standard output. */
  out(text: string): void;
  /** Everything else: standard error. */
  note(text: string): void;
  /** Whether progress bars can be drawn on standard error. */
  readonly terminal: boolean;
  /** Asks on the terminal; no where nobody can answer. Absent: never yes. */
  confirm?(question: string): Promise<boolean>;
  openGpu(): Promise<Gpu>;
  /**
   * Calls `stop` at the first SIGINT, SIGTERM or SIGHUP, or when nobody reads standard output any more; returns how to stop
   * listening. A second signal ends the process as usual.
   */
  onInterrupt(stop: () => void): () => void;
}

export const processIo: Io = {
  out: (text) => process.stdout.write(`${text}\n`),
  note: (text) => process.stderr.write(`${text}\n`),
  get terminal() {
    return Boolean(process.stderr.isTTY);
  },
  async confirm(question) {
    if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
    } finally {
      terminal.close();
    }
  },
  openGpu: () => openGpu(gpuOptions(processIo.note)),
  onInterrupt(stop) {
    const forget = () => {
      listening.delete(first);
      for (const signal of endSignals) process.off(signal, first);
    };
    const first = () => {
      forget();
      stop();
    };
    listening.add(first);
    for (const signal of endSignals) process.on(signal, first);
    return forget;
  },
};

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const listening = new Set<() => void>();

/**
 * Ends the process by a signal as usual where no command listens (any more), but without what is half-written: only
 * while there is such a thing, as a process with a listener cannot be interrupted in the middle of a computation.
 */
export function leaveNothingUnfinished(): void {
  const end = (signal: NodeJS.Signals) => {
    if (listening.size > 0) return;
    removeUnfinished();
    for (const each of endSignals) process.off(each, end);
    process.kill(process.pid, signal);
  };
  onUnfinished((some) => {
    // Before the command's own, which no longer listens once it was called.
    for (const signal of endSignals) some ? process.prependListener(signal, end) : process.off(signal, end);
  });
}

/** As a signal would. */
export function interrupt(): void {
  for (const stop of [...listening]) stop();
}

/**
 * The same world, where no text that others wrote acts on a terminal or forges a line: controls are shown escaped, and a
 * note is one line. What a command prints of several lines is its own; it makes names in it `visible` itself.
 */
export const safeIo = (io: Io): Io => ({
  ...io,
  get terminal() {
    return io.terminal;
  },
  out: (text) => io.out(visibleLines(text)),
  note: (text) => io.note(visible(text)),
});

/** Ends a command with this exit code; its message, if any, was printed. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  constructor(readonly code: number) {
    super(`exit code ${code}`);
  }
}

/** An error in what the user asked for: one readable line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A line for people, and below it what an error has to add; everything with FAPROMPT_DEBUG set. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return `error: ${String(error)}`;
  if (process.env.FAPROMPT_DEBUG) return error.stack ?? error.message;
  const details: readonly string[] = 'details' in error && Array.isArray(error.details) ? error.details : [];
  const line = (text: string) => text.replace(/\s*\n\s*/g, ' ');
  return [`error: ${line(error.message)}`, ...details.map((detail) => `  ${line(detail)}`)].join('\n');
}

/** 123 ms, 1.23 s, 12.3 s, 3 min 20 s, 2 h 5 min. */
export function formatTime(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 119.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  // Rounded before it is taken apart: never "3 min 60 s".
  const whole = Math.round(seconds);
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 1.23 TFLOP. */
export function formatFlops(flops: number): string {
  const [unit, scale] =
    flops >= 1e12
      ? (['TFLOP', 1e12] as const)
      : flops >= 1e9
        ? (['GFLOP', 1e9] as const)
        : (['MFLOP', 1e6] as const);
  return `${(flops / scale).toPrecision(4)} ${unit}`;
}

export { alignColumns as formatRows } from '../eval/index.ts';
