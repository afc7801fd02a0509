import { definePointwise } from '../pointwise/pointwise.ts';
import shader from './exp.wgsl';

/** e^x. */
export const { op: expOp, apply: exp } = definePointwise('exp', shader, { forward: 1, backward: 2 });
