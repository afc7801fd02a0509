// What a GPU would need at least, from counts: no kernel runs, so it is the same on every machine.
import type { Capabilities, Gpu } from '../src/gpu/gpu.ts';
import type { Plan } from '../src/graph/plan.ts';
import { dispatchesOf } from '../src/graph/steps.ts';
import type { Dispatch } from '../src/kernels/op.ts';
import { byteLength } from '../src/kernels/tensor.ts';

/** A GPU's data sheet, and what a dispatch costs that does next to nothing. */
export interface Ceilings {
  readonly name: string;
  /** FLOP/s of f32 multiply-adds outside of matrix units. */
  readonly flops: number;
  /** FLOP/s of f16 on matrix units. */
  readonly matrixFlops: number;
  /** Multiprocessors: a workgroup runs on one. */
  readonly cores: number;
  /** Bytes/s of its memory. */
  readonly bandwidth: number;
  /** Seconds from one dispatch to the next that depends on it. */
  readonly dispatch: number;
}

/**
 * H100 SXM: 132 multiprocessors, 66.9 TFLOP/s in f32 and 989 in f16 on matrix units, 3.35 TB/s; 4 us is what its smallest
 * dispatches take.
 */
export const h100: Ceilings = {
  name: 'H100',
  flops: 66.9e12,
  matrixFlops: 989e12,
  cores: 132,
  bandwidth: 3.35e12,
  dispatch: 4e-6,
};

export interface Estimate {
  readonly dispatches: number;
  readonly gflop: number;
  /** Operands and results of all dispatches, each counted once a dispatch. */
  readonly bytes: number;
  readonly milliseconds: number;
  /** Of the milliseconds: where arithmetic, memory or starting a dispatch is the bound. */
  readonly bound: { readonly arithmetic: number; readonly memory: number; readonly dispatch: number };
}

/** f16 products that a dispatch computes on matrix units for one of f32; 0: none, it multiplies and adds in f32. */
function matrixProducts({ shader, overrides = {} }: Dispatch): number {
  if (shader.constants.UNIT_M === undefined) return 0;
  if (!overrides.SPLIT) return 1;
  return overrides.B_TYPE === shader.constants.F32 ? 3 : 2;
}

/** Seconds for a dispatch's arithmetic: some multiprocessor gets so many of its workgroups, which are alike. */
function arithmetic(dispatch: Dispatch, flops: number, { cores, ...of }: Ceilings): number {
  const [x, y = 1, z = 1] = dispatch.workgroups;
  const workgroups = x * y * z;
  const products = matrixProducts(dispatch);
  const speed = products > 0 ? of.matrixFlops / products : of.flops;
  return ((flops / workgroups) * Math.ceil(workgroups / cores)) / (speed / cores);
}

/**
 * Adds up, dispatch by dispatch of what a plan runs each time, the largest of: its FLOP at the peak of the multiprocessors that have a workgroup of it, the
 * bytes of its operands and results at the full bandwidth, and the cost of any dispatch. A bound from below: kernels reach
 * a share of the peak only.
 */
export function estimate(plan: Plan, capabilities: Capabilities, ceilings: Ceilings): Estimate {
  const bound = { arithmetic: 0, memory: 0, dispatch: 0 };
  let dispatches = 0;
  let bytes = 0;
  let flop = 0;
  for (const node of plan.nodes.slice(plan.once.nodes))
    for (const { dispatch, flops } of dispatchesOf({ capabilities } as Gpu, node, undefined)) {
      // A tensor may be bound under two names, as scalars and as vectors.
      const tensors = new Map(
        Object.values(dispatch.bindings).flatMap((t) =>
          t ? [[`${t.storage}/${t.shape.join()}`, byteLength(t)] as const] : [],
        ),
      );
      const moved = [...tensors.values()].reduce((sum, size) => sum + size, 0);
      const times = [
        ['arithmetic', arithmetic(dispatch, flops, ceilings)],
        ['memory', moved / ceilings.bandwidth],
        ['dispatch', ceilings.dispatch],
      ] as const;
      const [kind, seconds] = times.reduce((a, b) => (b[1] > a[1] ? b : a));
      bound[kind] += seconds * 1e3;
      dispatches += 1;
      flop += flops;
      bytes += moved;
    }
  const milliseconds = bound.arithmetic + bound.memory + bound.dispatch;
  return { dispatches, gflop: flop / 1e9, bytes, milliseconds, bound };
}
