// GPU memory of a training run, known before anything is allocated.

import { align } from '../gpu/memory.ts';
import type { Plan } from '../graph/plan.ts';
import { byteLength, f32, type TensorSpec } from '../kernels/tensor.ts';

const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);

/** Bytes of a CLIP's weights on the device. */
export const weightBytes = (specs: Iterable<TensorSpec>): number =>
  sum([...specs].map((spec) => align(byteLength(spec))));

/** Bytes of the learnables and of the optimizer's moments: Adam has two, SGD one. */
export const stateBytes = (shapes: ReadonlyMap<string, readonly number[]>, moments = 2): number =>
  (1 + moments) * sum([...shapes.values()].map((shape) => align(byteLength(f32(...shape)))));

/** Bytes that a compiled graph holds besides weights and learnables. */
export const planBytes = ({ bytes }: Plan): number => bytes.total - bytes.parameters;
