import { WeightsError } from '../../formats/errors.ts';
import { sameShape, type Tensor } from '../../kernels/tensor.ts';
import type { Learned, ScorerGraph } from '../scorer.ts';

/** The parameters of a scorer's graph. @throws WeightsError where a learned value is not there or does not fit */
export const bindLearned = (
  learnables: ReadonlyMap<string, Tensor>,
  learned: Learned | undefined,
): ScorerGraph['parameters'] =>
  [...learnables].map(([name, tensor]) => {
    const values = learned?.get(name);
    const count = tensor.shape.reduce((a, b) => a * b, 1);
    const fits =
      values instanceof Float32Array
        ? values.length === count
        : values && sameShape(values.shape, tensor.shape);
    if (!values || !fits)
      throw new WeightsError({
        file: 'prompts',
        tensor: name,
        expected: `shape [${tensor.shape}]`,
        found: values ? 'another' : 'no such tensor',
      });
    return { tensor, values };
  });
