// Pillow's resizing and the published preprocessing: resize.safetensors, bit for bit.

import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import type { Gpu } from '../../src/gpu/gpu.ts';
import { compile } from '../../src/graph/executor.ts';
import { createGraph } from '../../src/graph/graph.ts';
import { resizePillow } from '../../src/kernels/resize_pillow/resize_pillow.ts';
import { preprocessImage, preprocessMask } from '../../src/model/clip/preprocess.ts';
import type { GoldenFolder } from './folder.ts';
import type { Report } from './report.ts';

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

async function readPixels(file: SafetensorsFile, name: string): Promise<Pixels> {
  const [height, width, channels = 1] = file.tensors.get(name)!.shape as [number, number, number?];
  return { height, width, channels, data: await file.readBytes(name) };
}

async function resize(
  gpu: Gpu,
  image: Pixels,
  height: number,
  width: number,
  filter: 'bicubic' | 'bilinear',
): Promise<Uint8Array> {
  const graph = createGraph();
  const pixels = graph.input('image', { shape: [image.height, image.width, image.channels], dtype: 'u8' });
  const executable = await compile(gpu, graph, {
    out: resizePillow(graph, pixels, { height, width, filter }),
  });
  const { out } = await executable.run({ image: image.data }, ['out']);
  executable.dispose();
  return out as Uint8Array;
}

const channels = (
  data: Uint8Array,
  from: number,
  to: number,
  map: (values: number[]) => number[],
): Uint8Array => {
  const out = new Uint8Array((data.length / from) * to);
  for (let i = 0; i < data.length / from; i += 1)
    out.set(map([...data.subarray(i * from, (i + 1) * from)]), i * to);
  return out;
};

/** Pillow's MULDIV255: a * b / 255, rounded. */
const times255 = (a: number, b: number): number => {
  const t = a * b + 128;
  return ((t >> 8) + t) >> 8;
};

/** Pillow's nearest neighbour: positions are summed up, rounding included. */
function nearestSources(from: number, to: number): number[] {
  const scale = from / to;
  let position = scale * 0.5;
  return Array.from({ length: to }, () => {
    const source = Math.trunc(position);
    position += scale;
    return source;
  });
}

export async function checkResize(gpu: Gpu, golden: GoldenFolder, report: Report): Promise<void> {
  const name = 'resize.safetensors';
  const file = await golden.open(name);
  if (!file) return void report.notes.push(`no ${name}: resize cases skipped`);
  for (const tensor of file.tensors.keys()) {
    const [filter, testCase, role] = tensor.split('/');
    if ((filter !== 'bicubic' && filter !== 'bilinear') || role !== 'in') continue;
    const target = await readPixels(file, `${filter}/${testCase}/out`);
    const got = await resize(gpu, await readPixels(file, tensor), target.height, target.width, filter);
    await report.compare('resize', name, `${filter}/${testCase}/out`, got);
  }
  if (file.tensors.has('to_gray/in')) {
    const { data } = await readPixels(file, 'to_gray/in');
    await report.compare(
      'resize',
      name,
      'to_gray/out',
      channels(data, 3, 1, ([r, g, b]) => [(19595 * r! + 38470 * g! + 7471 * b! + 32768) >> 16]),
    );
  }
  if (file.tensors.has('rgba/in')) {
    // What Pillow does to RGBA; this project converts to RGB before resizing.
    const image = await readPixels(file, 'rgba/in');
    const target = await readPixels(file, 'rgba/resized');
    const premultiplied = channels(image.data, 4, 4, ([r, g, b, a]) => [
      times255(r!, a!),
      times255(g!, a!),
      times255(b!, a!),
      a!,
    ]);
    const filtered = await resize(
      gpu,
      { ...image, data: premultiplied },
      target.height,
      target.width,
      'bicubic',
    );
    const straight = (value: number, a: number) =>
      a === 0 || a === 255 ? value : Math.min(255, Math.trunc((255 * value) / a));
    const resized = channels(filtered, 4, 4, ([r, g, b, a]) => [
      straight(r!, a!),
      straight(g!, a!),
      straight(b!, a!),
      a!,
    ]);
    await report.compare('resize', name, 'rgba/resized', resized);
    await report.compare(
      'resize',
      name,
      'rgba/rgb',
      channels(resized, 4, 3, ([r, g, b]) => [r!, g!, b!]),
    );
  }
  if (file.tensors.has('palette/in')) {
    const image = await readPixels(file, 'palette/in');
    const target = await readPixels(file, 'palette/out');
    const rows = nearestSources(image.height, target.height);
    const columns = nearestSources(image.width, target.width);
    const nearest = rows.flatMap((y) =>
      columns.flatMap((x) => [...image.data.subarray(3 * (y * image.width + x)).subarray(0, 3)]),
    );
    await report.compare('resize', name, 'palette/out', nearest);
  }
  if (file.tensors.has('preprocess/image/in')) {
    const size = file.tensors.get('preprocess/image/out')!.shape[1]!;
    await report.compare(
      'preprocess',
      name,
      'preprocess/image/out',
      await preprocessImage(gpu, await readPixels(file, 'preprocess/image/in'), size),
    );
  }
  if (file.tensors.has('preprocess/mask/in')) {
    const mask = await readPixels(file, 'preprocess/mask/in');
    const [height, width] = file.tensors.get('preprocess/mask/out')!.shape as [number, number];
    const resized = await resize(
      gpu,
      { ...mask, data: mask.data.map((v) => (v > 0 ? 255 : 0)) },
      height,
      width,
      'bilinear',
    );
    await report.compare(
      'preprocess',
      name,
      'preprocess/mask/resized',
      Float32Array.from(resized, (v) => v / 255),
    );
    await report.compare('preprocess', name, 'preprocess/mask/out', await preprocessMask(gpu, mask, height));
  }
}
