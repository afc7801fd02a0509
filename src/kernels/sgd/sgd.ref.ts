import type { Reference } from '../op-test.ts';
import type { SgdAttrs } from './sgd.ts';

export const sgdReference: Reference<SgdAttrs> = {
  forward({ momentum: factor, decay }, [parameter, momentum, gradient, schedule]) {
    const [rate] = schedule!.data;
    const next = momentum!.data.map(
      (value, i) => factor * value + gradient!.data[i]! + decay * parameter!.data[i]!,
    );
    const moved = parameter!.data.map((value, i) => value - rate! * next[i]!);
    return [moved, next].map((data) => ({ shape: parameter!.shape, data }));
  },
};
