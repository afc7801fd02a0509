import type { Reference } from '../op-test.ts';
import type { AdamAttrs } from './adam.ts';

export const adamReference: Reference<AdamAttrs> = {
  forward({ beta1, beta2, epsilon }, [parameter, m, v, gradient, schedule]) {
    const [rate, correction] = schedule!.data;
    const first = m!.data.map((value, i) => beta1 * value + (1 - beta1) * gradient!.data[i]!);
    const second = v!.data.map((value, i) => beta2 * value + (1 - beta2) * gradient!.data[i]! ** 2);
    const next = parameter!.data.map(
      (value, i) => value - (rate! * first[i]!) / (Math.sqrt(second[i]!) * correction! + epsilon),
    );
    return [next, first, second].map((data) => ({ shape: parameter!.shape, data }));
  },
};
