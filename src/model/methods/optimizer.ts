// How learnables move: Adam as FAPrompt, AnomalyCLIP and APRIL-GAN have it, SGD with momentum as CoOp and CoCoOp, AdamW
// as FiLO.
import type { Graph } from '../../graph/graph.ts';
import { adam, adamSchedule } from '../../kernels/adam/adam.ts';
import { type AdamwAttrs, adamw, adamwSchedule } from '../../kernels/adamw/adamw.ts';
import { multiply } from '../../kernels/elementwise/elementwise.ts';
import { sgd } from '../../kernels/sgd/sgd.ts';
import type { Tensor } from '../../kernels/tensor.ts';

export interface Optimizer {
  /** What determines it, as a checkpoint has it. */
  readonly settings: Readonly<Record<string, number | string>>;
  /** State beside each learnable: Adam's two moments, or SGD's momentum as `m`. */
  readonly moments: readonly ('m' | 'v')[];
  /** Numbers that change from step to step. */
  readonly scheduleLength: number;
  /** Whether the learning rate depends on the number of epochs. */
  readonly dependsOnEnd: boolean;
  schedule(at: ScheduleAt): Float32Array;
  /** Adds the update of one learnable, in place. */
  update(graph: Graph, state: UpdateState): void;
}

export interface ScheduleAt {
  readonly learningRate: number;
  /** From 1, in its phase. */
  readonly step: number;
  /** From 0. */
  readonly epoch: number;
  readonly epochs: number;
}

interface UpdateState {
  /** Of the learnable. */
  readonly name: string;
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly moments: Readonly<Partial<Record<'m' | 'v', Tensor>>>;
  readonly schedule: Tensor;
}

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** The published code's optimizer: Adam with betas (0.5, 0.999). */
export const publishedAdam: AdamOptions = { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };

export const adamOptimizer = (options: AdamOptions = publishedAdam): Optimizer => ({
  settings: { ...options },
  moments: ['m', 'v'],
  scheduleLength: 2,
  dependsOnEnd: false,
  schedule: ({ learningRate, step }) => adamSchedule({ lr: learningRate, ...options }, step),
  update: (graph, { parameter, gradient, moments: { m, v }, schedule }) =>
    adam(graph, { parameter, gradient, m: m!, v: v!, schedule }, options),
});

/**
 * PyTorch's AdamW.
 * @param rate a learnable's learning rate as a share of the schedule's
 */
export const adamwOptimizer = (options: AdamwAttrs, rate: (name: string) => number = () => 1): Optimizer => ({
  settings: { optimizer: 'adamw', ...options },
  moments: ['m', 'v'],
  scheduleLength: 3,
  dependsOnEnd: true, // of its phases
  schedule: ({ learningRate, step }) => adamwSchedule({ lr: learningRate, ...options }, step),
  update(graph, { name, parameter, gradient, moments: { m, v }, schedule }) {
    const share = rate(name);
    const own =
      share === 1
        ? schedule
        : multiply(graph, schedule, graph.constant(`rate of ${name}`, Float32Array.of(share, 1, share), [3]));
    adamw(graph, { parameter, gradient, m: m!, v: v!, schedule: own }, options);
  },
});

export interface SgdOptions {
  readonly momentum: number;
  readonly decay: number;
  /** Learning rate of the first epoch; the next begins a cosine from the full rate, per epoch. */
  readonly warmUpRate: number;
}

/** CoOp's and CoCoOp's, by Dassl's defaults. */
export const publishedSgd: SgdOptions = { momentum: 0.9, decay: 5e-4, warmUpRate: 1e-5 };

export const sgdOptimizer = (options: SgdOptions = publishedSgd): Optimizer => ({
  settings: { optimizer: 'sgd', ...options },
  moments: ['m'],
  scheduleLength: 1,
  dependsOnEnd: true,
  schedule: (at) => Float32Array.of(cosineRate(at, options.warmUpRate)),
  update: (graph, { parameter, gradient, moments: { m }, schedule }) =>
    sgd(graph, { parameter, gradient, momentum: m!, schedule }, options),
});

/** Dassl's cosine with one constant epoch before it, after which it starts anew: the last epoch does not reach 0. */
const cosineRate = ({ learningRate, epoch, epochs }: ScheduleAt, warmUpRate: number): number =>
  epoch === 0 ? warmUpRate : (learningRate * (1 + Math.cos((Math.PI * (epoch - 1)) / epochs))) / 2;
