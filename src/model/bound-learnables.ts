// What a graph outside of training reads: CLIP's weights and the learnables, on the device.
import type { Gpu } from '../gpu/gpu.ts';
import { createDeviceTensor, type DeviceTensor } from '../graph/device-tensor.ts';
import type { Tensor } from '../kernels/tensor.ts';
import { bindWeights, type Clip } from './clip/weights.ts';
import type { ModelGraph } from './context.ts';

export interface BoundLearnables {
  /** For `compile`: CLIP's weights and the learnables, by storage. */
  readonly parameters: Map<number, DeviceTensor>;
  /** Frees the copies that were made of values from the host. */
  free(): void;
}

/** @param learnables their values, or the tensors that somebody else has on the device @throws GpuError, nothing is kept then */
export function bindLearnables(
  gpu: Gpu,
  clip: Clip,
  model: ModelGraph,
  learnables: Iterable<{ readonly tensor: Tensor; readonly values: Float32Array | DeviceTensor }>,
): BoundLearnables {
  const parameters = bindWeights(clip, model.weights);
  const own: DeviceTensor[] = [];
  const free = () => {
    for (const { buffer } of own) gpu.memory.free(buffer);
  };
  try {
    for (const { tensor, values } of learnables) {
      const bound =
        values instanceof Float32Array ? createDeviceTensor(gpu, 'learned', tensor, values) : values;
      if (bound !== values) own.push(bound);
      parameters.set(tensor.storage, bound);
    }
  } catch (error) {
    free();
    throw error;
  }
  return { parameters, free };
}
