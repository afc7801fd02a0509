import { adamReference } from '../adam/adam.ref.ts';
import type { Reference } from '../op-test.ts';
import type { AdamwAttrs } from './adamw.ts';

export const adamwReference: Reference<AdamwAttrs> = {
  forward(attrs, [parameter, m, v, gradient, schedule]) {
    const { decay, largest = Number.POSITIVE_INFINITY } = attrs;
    const adam = { shape: [2], data: schedule!.data.subarray(0, 2) };
    const [next, ...moments] = adamReference.forward(attrs, [parameter, m, v, gradient, adam]);
    // Decoupled: what Adam does to the parameter does not depend on the decay.
    const data = next!.data.map((value, i) =>
      Math.min(value - schedule!.data[2]! * decay * parameter!.data[i]!, largest),
    );
    return [{ shape: parameter!.shape, data }, ...moments];
  },
};
