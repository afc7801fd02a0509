// Where a graph's time on the GPU goes.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { DispatchTime } from '../src/graph/profile.ts';
import { table } from './output.ts';

export interface OpTime {
  readonly op: string;
  readonly milliseconds: number;
  readonly gflops: number;
  readonly count: number;
}

/** Time by operator, the twelve largest. */
export const byOp = (times: readonly DispatchTime[]): OpTime[] => largest(times, ({ op }) => op);

/** Time by shader, the twelve largest. */
export const byShader = (times: readonly DispatchTime[]): OpTime[] =>
  largest(times, ({ shader }) => path.basename(shader, '.wgsl'));

/** Time by shader and shapes, the largest. */
export const byShape = (times: readonly DispatchTime[]): OpTime[] =>
  largest(times, ({ shader, shapes }) => `${path.basename(shader, '.wgsl')} ${shapes}`, 60);

function largest(
  times: readonly DispatchTime[],
  nameOf: (time: DispatchTime) => string,
  count = 12,
): OpTime[] {
  const ops = new Map<string, { ms: number; flops: number; count: number }>();
  for (const time of times) {
    const { milliseconds, flops } = time;
    const sum = ops.get(nameOf(time)) ?? { ms: 0, flops: 0, count: 0 };
    ops.set(nameOf(time), { ms: sum.ms + milliseconds, flops: sum.flops + flops, count: sum.count + 1 });
  }
  return [...ops]
    .map(([op, { ms, flops, count }]) => ({ op, milliseconds: ms, gflops: flops / ms / 1e6, count }))
    .sort((a, b) => b.milliseconds - a.milliseconds)
    .slice(0, count);
}

export const opTable = (top: readonly OpTime[]): string =>
  table(
    ['operator', 'ms', 'GFLOP/s', 'dispatches'],
    top.map((t) => [t.op, t.milliseconds.toFixed(2), t.gflops.toFixed(1), `${t.count}`]),
  );

/** The clock of NVIDIA's multiprocessors in MHz, now: a GPU that rests between calls has a fraction of it. Elsewhere undefined. */
export async function clockMHz(): Promise<number | undefined> {
  const query = ['--query-gpu=clocks.sm', '--format=csv,noheader,nounits'];
  const found = await promisify(execFile)('nvidia-smi', query).catch(() => undefined);
  const clock = Number(found?.stdout.trim().split('\n')[0]);
  return clock > 0 ? clock : undefined;
}
