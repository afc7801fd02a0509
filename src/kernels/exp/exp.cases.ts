import { pointwiseTest } from '../pointwise/pointwise.cases.ts';
import { expOp } from './exp.ts';

// The tolerance is WGSL's: exp may be off by 3 + 2 |x| units in the last place.
export const expTest = pointwiseTest(expOp, { value: Math.exp, derivative: Math.exp, tolerance: 1e-5 });
