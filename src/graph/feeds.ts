// Values on their way to a graph's inputs.
import type { Gpu } from '../gpu/gpu.ts';
import { describe, exactBytes, hostLength, type TensorSpec } from '../kernels/tensor.ts';
import { sameTensor } from './allocate.ts';
import {
  copyTensor,
  type DeviceSlice,
  type DeviceTensor,
  type DeviceView,
  type HostData,
  writeBuffer,
  writeParts,
} from './device-tensor.ts';
import type { Graph } from './graph.ts';

/** Values of inputs by name: from the host, tensors on the device, or equal parts of which some are here, some there. */
export type Feeds = Readonly<
  Record<string, HostData | DeviceTensor | DeviceView | readonly (HostData | DeviceSlice)[]>
>;

/**
 * Uploads feeds into the buffers of a graph's inputs, `offset` bytes behind their beginning. An input without a buffer is
 * one that the outputs do not depend on: it is checked and left out.
 * @returns the bytes that the host handed over
 * @throws Error for a feed of a name that the graph has not, or of the wrong size
 */
export function createUpload(
  gpu: Gpu,
  graph: Graph,
  buffers: ReadonlyMap<number, GPUBuffer>,
  offset: number,
): (feeds: Feeds) => number {
  const inputs = new Map(
    [...graph.leaves].flatMap(([storage, { kind, name }]) => (kind === 'input' ? [[name, storage]] : [])),
  );
  const one = (name: string, data: Feeds[string]): number => {
    const storage = inputs.get(name);
    if (storage === undefined)
      throw new Error(`no input named "${name}" in this graph; it has: ${[...inputs.keys()].join(', ')}`);
    const spec = graph.spec(storage);
    const buffer = buffers.get(storage);
    if (isParts(data)) return buffer ? writeParts(gpu, { buffer, offset }, spec, data) : 0;
    const onDevice = 'buffer' in data && 'dtype' in data;
    if (onDevice ? !sameTensor(data, spec) : !fits(data, spec))
      throw new Error(
        `input "${name}": expected ${describe(spec)}, found ${onDevice ? describe(data) : `${data.length} elements, ${data.byteLength} bytes`}`,
      );
    if (!buffer) return 0;
    if (onDevice) {
      copyTensor(gpu, data, buffer, offset);
      return 0;
    }
    writeBuffer(gpu, buffer, offset, data);
    return data.byteLength;
  };
  return (feeds) => {
    let bytes = 0;
    for (const [name, data] of Object.entries(feeds)) bytes += one(name, data);
    return bytes;
  };
}

const isParts = (feed: Feeds[string]): feed is readonly (HostData | DeviceSlice)[] => Array.isArray(feed);

const fits = (data: HostData, spec: TensorSpec): boolean =>
  data.length === hostLength(spec) && (spec.dtype === 'q8' || data.byteLength === exactBytes(spec));
