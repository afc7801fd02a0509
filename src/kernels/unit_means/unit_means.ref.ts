import { l2normReference } from '../l2norm/l2norm.ref.ts';
import type { Reference, RefTensor } from '../op-test.ts';
import type { UnitMeansAttrs } from './unit_means.ts';

/** The vectors before they are normalised: [B, 2, E]. */
function means({ members }: UnitMeansAttrs, first: RefTensor, rest: RefTensor): RefTensor {
  const width = rest.shape[1]!;
  const groups = rest.shape[0]! / members;
  const data = new Float64Array(groups * 2 * width);
  for (let b = 0; b < groups; b += 1) {
    data.set(first.data, 2 * b * width);
    for (let k = 0; k < width; k += 1)
      for (let j = 0; j < members; j += 1)
        data[(2 * b + 1) * width + k]! += rest.data[(b * members + j) * width + k]! / members;
  }
  return { shape: [groups, 2, width], data };
}

export const unitMeansReference: Reference<UnitMeansAttrs> = {
  forward: (attrs, [first, rest]) => l2normReference.forward({}, [means(attrs, first!, rest!)]),
  backward(attrs, [first, rest], upstream) {
    const x = means(attrs, first!, rest!);
    const [groups, , width] = x.shape as [number, number, number];
    const [dx] = l2normReference.backward!({}, [x], upstream);
    const dfirst = { shape: first!.shape, data: new Float64Array(width) };
    const drest = { shape: rest!.shape, data: new Float64Array(rest!.data.length) };
    for (let b = 0; b < groups; b += 1)
      for (let k = 0; k < width; k += 1) {
        dfirst.data[k]! += dx!.data[2 * b * width + k]!;
        for (let j = 0; j < attrs.members; j += 1)
          drest.data[(b * attrs.members + j) * width + k] =
            dx!.data[(2 * b + 1) * width + k]! / attrs.members;
      }
    return [dfirst, drest];
  },
};
