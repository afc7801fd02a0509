import type { Gpu } from '../gpu/gpu.ts';
import { align } from '../gpu/memory.ts';
import {
  byteLength,
  describe,
  elements,
  exactBytes,
  hostLength,
  type TensorSpec,
} from '../kernels/tensor.ts';

/** A tensor on the host: f32 as Float32Array, i32 as Int32Array, f16 as its bits, u8 and q8 (with its scales) as bytes. */
export type HostData = Float32Array | Int32Array | Uint16Array | Uint8Array;

/** A tensor that lives on the device outside of any plan: weights, learnables, optimizer state. */
export interface DeviceTensor extends TensorSpec {
  readonly buffer: GPUBuffer;
  /** Where it begins in the buffer, in bytes, a multiple of `alignment`; default 0. Several may share one. */
  readonly offset?: number;
}

/** A part of a buffer on the device that holds a tensor's elements; the offset counts bytes, in fours. */
export interface DeviceSlice {
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

/** A tensor of whole words that is a part of a buffer on the device. */
export interface DeviceView extends TensorSpec, DeviceSlice {}

/** Allocates a tensor, zeroed or with `data`. @throws GpuError when it does not fit. */
export function createDeviceTensor(gpu: Gpu, name: string, spec: TensorSpec, data?: HostData): DeviceTensor {
  const tensor = { ...spec, buffer: gpu.memory.allocate(byteLength(spec), name) };
  try {
    if (data) writeDeviceTensor(gpu, tensor, data);
    return tensor;
  } catch (error) {
    gpu.memory.free(tensor.buffer);
    throw error;
  }
}

export function writeDeviceTensor(gpu: Gpu, tensor: DeviceTensor, data: HostData): void {
  if (data.length !== hostLength(tensor)) {
    throw new Error(`expected ${hostLength(tensor)} elements for ${describe(tensor)}, found ${data.length}`);
  }
  writeBuffer(gpu, tensor.buffer, tensor.offset ?? 0, data);
}

/** `queue.writeBuffer` wants multiples of four bytes; f16 and u8 tensors may end in between. */
export function writeBuffer(gpu: Gpu, buffer: GPUBuffer, offset: number, data: HostData): void {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const whole = bytes.length & ~3;
  if (whole > 0) gpu.device.queue.writeBuffer(buffer, offset, bytes, 0, whole);
  if (whole < bytes.length) {
    const rest = new Uint8Array(4);
    rest.set(bytes.subarray(whole));
    gpu.device.queue.writeBuffer(buffer, offset + whole, rest);
  }
}

/** Queues a copy into a buffer, after all that was queued before. */
export function copyTensor(gpu: Gpu, tensor: DeviceTensor | DeviceView, to: GPUBuffer, offset: number): void {
  const encoder = gpu.device.createCommandEncoder();
  encoder.copyBufferToBuffer(tensor.buffer, tensor.offset ?? 0, to, offset, exactBytes(tensor));
  gpu.device.queue.submit([encoder.finish()]);
}

/**
 * Equal parts of a tensor, in order, into a buffer, after all that was queued before: parts on the host are uploaded,
 * those on the device copied there.
 * @returns bytes uploaded
 * @throws Error for parts that do not add up, or that do not begin at multiples of four bytes
 */
export function writeParts(
  gpu: Gpu,
  { buffer, offset }: DeviceSlice,
  spec: TensorSpec,
  parts: readonly (HostData | DeviceSlice)[],
): number {
  let uploaded = 0;
  const bytes = exactBytes(spec) / parts.length;
  if (!Number.isInteger(bytes / 4))
    throw new Error(`${describe(spec)} has no ${parts.length} equal parts of whole words`);
  const encoder = gpu.device.createCommandEncoder();
  parts.forEach((part, i) => {
    const to = offset + i * bytes;
    if ('offset' in part) encoder.copyBufferToBuffer(part.buffer, part.offset, buffer, to, bytes);
    else if (part.byteLength === bytes) {
      writeBuffer(gpu, buffer, to, part);
      uploaded += bytes;
    } else
      throw new Error(`expected ${bytes} bytes for a part of ${describe(spec)}, found ${part.byteLength}`);
  });
  gpu.device.queue.submit([encoder.finish()]);
  return uploaded;
}

/**
 * Allocates tensors one behind the other in few buffers, of at most `mostPacked` bytes unless a tensor is larger: an
 * update in place of all of them is one dispatch then. Zeroed, or with `data`.
 * @throws GpuError when they do not fit
 */
export function createPackedTensors(
  gpu: Gpu,
  name: string,
  specs: ReadonlyMap<string, TensorSpec>,
  data: (name: string) => HostData | undefined,
): Map<string, DeviceTensor> {
  const places = packedPlaces(specs);
  const sizes: number[] = [];
  for (const [tensor, { pack, offset }] of places)
    sizes[pack] = offset + align(byteLength(specs.get(tensor)!));
  const buffers: GPUBuffer[] = [];
  try {
    for (const [i, bytes] of sizes.entries()) buffers.push(gpu.memory.allocate(bytes, `${name} ${i}`));
    return new Map(
      [...specs].map(([tensor, spec]) => {
        const { pack, offset } = places.get(tensor)!;
        const made: DeviceTensor = { ...spec, buffer: buffers[pack]!, offset };
        const values = data(tensor);
        if (values) writeDeviceTensor(gpu, made, values);
        return [tensor, made];
      }),
    );
  } catch (error) {
    for (const buffer of buffers) gpu.memory.free(buffer);
    throw error;
  }
}

/** WebGPU's guaranteed size of a binding is 128 MiB. */
const mostPacked = 64 * 2 ** 20;

/** The buffer, by number, and the place in it of each tensor. */
export function packedPlaces(
  specs: ReadonlyMap<string, TensorSpec>,
): Map<string, { readonly pack: number; readonly offset: number }> {
  let pack = 0;
  let offset = 0;
  return new Map(
    [...specs].map(([name, spec]) => {
      const bytes = align(byteLength(spec));
      if (offset > 0 && offset + bytes > mostPacked) {
        pack += 1;
        offset = 0;
      }
      const place = { pack, offset };
      offset += bytes;
      return [name, place];
    }),
  );
}

/** Copies a tensor to the host. */
export const readDeviceTensor = (gpu: Gpu, tensor: DeviceTensor): Promise<HostData> =>
  readBack(gpu, tensor, (encoder, staging) =>
    encoder.copyBufferToBuffer(tensor.buffer, tensor.offset ?? 0, staging, 0, byteLength(tensor)),
  );

/** Copies values of whole words to the host. */
export const readSlice = (gpu: Gpu, { buffer, offset }: DeviceSlice, spec: TensorSpec): Promise<HostData> =>
  readBack(gpu, spec, (encoder, staging) =>
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, exactBytes(spec)),
  );

async function readBack(
  gpu: Gpu,
  tensor: TensorSpec,
  copy: (encoder: GPUCommandEncoder, staging: GPUBuffer) => void,
): Promise<HostData> {
  const bytes = byteLength(tensor);
  const staging = gpu.memory.allocate(bytes, 'readback', GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  try {
    const encoder = gpu.device.createCommandEncoder();
    copy(encoder, staging);
    gpu.device.queue.submit([encoder.finish()]);
    await gpu.guard(staging.mapAsync(GPUMapMode.READ));
    return hostView(tensor, staging.getMappedRange(), 0);
  } finally {
    gpu.memory.free(staging);
  }
}

/** A copy of the tensor's elements out of mapped bytes. */
export function hostView(spec: TensorSpec, mapped: ArrayBuffer, offset: number): HostData {
  const count = elements(spec.shape);
  switch (spec.dtype) {
    case 'f32':
      return new Float32Array(mapped, offset, count).slice();
    case 'i32':
      return new Int32Array(mapped, offset, count).slice();
    case 'f16':
      return new Uint16Array(mapped, offset, count).slice();
    case 'u8':
      return new Uint8Array(mapped, offset, count).slice();
    case 'q8':
      return new Uint8Array(mapped, offset, byteLength(spec)).slice();
  }
}
