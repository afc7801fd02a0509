// From decoded pixels to CLIP's input, as Pillow and torchvision do it: bit-exact resize, then /255, mean, std.

import { createQueue } from '../../base/prefetch.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import { copyTensor, type DeviceSlice, type DeviceTensor } from '../../graph/device-tensor.ts';
import { compile, type Executable } from '../../graph/executor.ts';
import { createGraph } from '../../graph/graph.ts';
import { imageToTensor } from '../../kernels/image_tensor/image_tensor.ts';
import { resizePillow } from '../../kernels/resize_pillow/resize_pillow.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import { openaiPixels, type PixelScale } from './pixels.ts';

/** Pixels, `channels` bytes each, row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

type Filter = 'bicubic' | 'bilinear';

/** Squashes RGB images to one size and normalises them, on the device. */
export interface Preprocessor {
  /** f32 [1, 3, size, size]; overwritten by the next call. Calls take turns. @throws GpuError if the image does not fit */
  run(image: Pixels): Promise<DeviceTensor>;
  /** The same, f32 [3, size, size], into a place on the device. */
  runInto(image: Pixels, place: DeviceSlice): Promise<void>;
  dispose(): void;
}

/** Sizes of images for which buffers are kept, and bytes of these buffers: what was used longest ago goes first. */
const kept = { sizes: 8, bytes: 2 ** 26 };

/** What an image's size needs is compiled at the first image of that size (antialiased), and kept. */
export function createPreprocessor(
  gpu: Gpu,
  size: number,
  filter: Filter,
  pixels: PixelScale = openaiPixels,
): Preprocessor {
  const resizes = new Map<string, Executable>(); // the one used last is the last
  const inTurn = createQueue();
  const drop = (key: string) => {
    resizes.get(key)!.dispose();
    resizes.delete(key);
  };
  const resizeFor = async ({ width, height }: Pixels): Promise<Executable> => {
    const key = `${width} x ${height}`;
    const found =
      resizes.get(key) ?? (await compileResize(gpu, { width, height }, size, { filter, scale: pixels }));
    resizes.delete(key);
    resizes.set(key, found);
    const total = () => [...resizes.values()].reduce((sum, { plan }) => sum + plan.bytes.total, 0);
    while (resizes.size > 1 && (resizes.size > kept.sizes || total() > kept.bytes))
      drop(resizes.keys().next().value!);
    return found;
  };
  const resized = async (image: Pixels): Promise<DeviceTensor> => {
    const resize = await resizeFor(image);
    await resize.run({ image: image.data });
    return resize.tensor('output');
  };
  return {
    run: (image) => inTurn(() => resized(image)),
    runInto: (image, { buffer, offset }) =>
      inTurn(async () => copyTensor(gpu, await resized(image), buffer, offset)),
    dispose() {
      for (const key of [...resizes.keys()]) drop(key);
    },
  };
}

export interface Preprocessing {
  /** Default bicubic. */
  readonly filter?: Filter | undefined;
  /** Default OpenAI's. */
  readonly scale?: PixelScale | undefined;
}

function compileResize(
  gpu: Gpu,
  { width, height }: Omit<Pixels, 'data'>,
  size: number,
  { filter = 'bicubic', scale = openaiPixels }: Preprocessing,
): Promise<Executable> {
  const graph = createGraph();
  const pixels = graph.input('image', { shape: [height, width, 3], dtype: 'u8' });
  const resized = resizePillow(graph, pixels, { height: size, width: size, filter });
  const output = imageToTensor(graph, resized, scale);
  return compile(gpu, graph, { output: graph.view(output, [1, 3, size, size]) });
}

/** One image of its size, to the host: f32 [3, size, size], antialiased, normalised. */
export async function preprocessImage(
  gpu: Gpu,
  image: Pixels,
  size: number,
  how: Preprocessing = {},
): Promise<Float32Array> {
  const executable = await compileResize(gpu, image, size, how);
  try {
    return (await executable.run({ image: image.data }, ['output'])).output as Float32Array;
  } finally {
    executable.dispose();
  }
}

/**
 * CLIP's own recipe, as torchvision has it: the shorter side to `size` (bicubic, antialiased), the square in the middle,
 * normalised: f32 [3, size, size].
 */
export async function preprocessCrop(
  gpu: Gpu,
  image: Pixels,
  size: number,
  scale: PixelScale = openaiPixels,
): Promise<Float32Array> {
  const { width, height } = image;
  const shorter = Math.min(width, height);
  const scaled = (side: number) => (side === shorter ? size : Math.floor((size * side) / shorter));
  const resized = { width: scaled(width), height: scaled(height), data: image.data };
  if (resized.width !== width || resized.height !== height) {
    const graph = createGraph();
    const pixels = graph.input('image', { shape: [height, width, 3], dtype: 'u8' });
    const output = resizePillow(graph, pixels, {
      width: resized.width,
      height: resized.height,
      filter: 'bicubic',
    });
    resized.data = (await runOnce(gpu, graph, output, image.data)) as Uint8Array;
  }
  const graph = createGraph();
  const pixels = graph.input('image', { shape: [size, size, 3], dtype: 'u8' });
  const tensor = imageToTensor(graph, pixels, scale);
  return (await runOnce(gpu, graph, tensor, cropMiddle(resized, size))) as Float32Array;
}

/** The size x size square in the middle; where it cannot be, Python's rounding decides: halves to the even number. */
function cropMiddle({ width, height, data }: Pixels, size: number): Uint8Array {
  const start = (side: number) => {
    const half = (side - size) / 2;
    return Number.isInteger(half) ? half : 2 * Math.round(half / 2);
  };
  const [top, left] = [start(height), start(width)];
  const cropped = new Uint8Array(size * size * 3);
  for (let row = 0; row < size; row++) {
    const from = ((top + row) * width + left) * 3;
    cropped.set(data.subarray(from, from + size * 3), row * size * 3);
  }
  return cropped;
}

/** A 0/1 mask resized as the published code does it (bilinear with antialias on 0/255, then > 0.5): f32 [size * size]. */
export async function preprocessMask(gpu: Gpu, mask: Pixels, size: number): Promise<Float32Array> {
  const graph = createGraph();
  const pixels = graph.input('image', { shape: [mask.height, mask.width, 1], dtype: 'u8' });
  const resized = resizePillow(graph, pixels, { height: size, width: size, filter: 'bilinear' });
  const bytes = (await runOnce(
    gpu,
    graph,
    resized,
    mask.data.map((v) => (v > 0 ? 255 : 0)),
  )) as Uint8Array;
  return Float32Array.from(bytes, (v) => (v / 255 > 0.5 ? 1 : 0));
}

async function runOnce(gpu: Gpu, graph: ReturnType<typeof createGraph>, output: Tensor, data: Uint8Array) {
  const executable = await compile(gpu, graph, { output });
  try {
    return (await executable.run({ image: data }, ['output'])).output!;
  } finally {
    executable.dispose();
  }
}
