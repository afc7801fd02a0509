// Which buffer each tensor of a plan lies in.
import { byteLength, describe, sameShape, type TensorSpec } from '../kernels/tensor.ts';
import type { DeviceTensor } from './device-tensor.ts';
import type { Guards } from './guard.ts';
import type { Place, Plan } from './plan.ts';

/** Where parameters lie that may share buffers; the buffers have numbers. */
export function packedOf(parameters: ReadonlyMap<number, DeviceTensor>): Map<number, Place> {
  const numbers = new Map([...parameters.values()].map(({ buffer }, i) => [buffer, i]));
  return new Map(
    [...parameters].map(([storage, { buffer, offset = 0 }]) => [
      storage,
      { storage: numbers.get(buffer)!, offset },
    ]),
  );
}

export const sameTensor = (a: TensorSpec, b: TensorSpec): boolean =>
  sameShape(a.shape, b.shape) && a.dtype === b.dtype;

/** A buffer for every storage in use. */
export function allocateTensors(
  plan: Plan,
  parameters: ReadonlyMap<number, DeviceTensor> | undefined,
  allocate: (bytes: number, label: string) => GPUBuffer,
  guards: Guards | undefined,
): Map<number, GPUBuffer> {
  const { graph, slots, leaves } = plan;
  const buffers = new Map<number, GPUBuffer>();
  for (const storage of leaves.parameters) {
    const { name, tensor } = graph.leaves.get(storage)!;
    const given = parameters?.get(storage);
    if (!given) throw new Error(`parameter "${name}" was not given a device tensor`);
    if (!sameTensor(given, tensor)) {
      throw new Error(`parameter "${name}": expected ${describe(tensor)}, found ${describe(given)}`);
    }
    if (guards)
      throw new Error('guards: give parameters as inputs, so that they can be surrounded by sentinels');
    buffers.set(storage, given.buffer);
  }
  for (const storage of [...leaves.inputs, ...leaves.constants]) {
    buffers.set(storage, allocate(byteLength(graph.spec(storage)), graph.leaves.get(storage)!.name));
  }
  slots.forEach((slot, i) => {
    const buffer = allocate(slot.bytes, `shared buffer ${i}`);
    for (const storage of slot.storages) buffers.set(storage, buffer);
  });
  for (const [storage, place] of plan.places) buffers.set(storage, buffers.get(place.storage)!);
  return buffers;
}
