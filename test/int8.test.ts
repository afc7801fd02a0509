import { describe, expect, test } from 'vitest';
import { WeightsError } from '../src/formats/errors.ts';
import { readSafetensors, type TensorData, writeSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import type { TensorFile } from '../src/formats/tensor-file.ts';
import { readDeviceTensor } from '../src/graph/device-tensor.ts';
import { dequantizeRows, quantizeRows } from '../src/kernels/q8.ts';
import { scalesOffset } from '../src/kernels/tensor.ts';
import { dequantized, quantized } from '../src/model/checkpoint/int8.ts';
import { clipConfigFromShapes } from '../src/model/clip/config.ts';
import { createImageEncoder } from '../src/model/clip/image-encoder.ts';
import { isMatrix, scaleName } from '../src/model/clip/matrices.ts';
import { fapromptNeeds } from '../src/model/clip/needs.ts';
import { wordListMetadata } from '../src/model/clip/tokenizer/tokenizer.ts';
import { smallClipWords } from '../src/model/clip/tokenizer/words.ts';
import { loadClip } from '../src/model/clip/weights.ts';
import { tinyConfig, tinyWeights } from './clip-files.ts';
import { testGpu } from './gpu.ts';

const words = wordListMetadata(smallClipWords.slice(0, tinyConfig.vocabSize - 2));
const weights = tinyWeights();
const original = await readSafetensors(bytesSource('f32', writeSafetensors(weights, words)));
const matrix = 'transformer.resblocks.1.mlp.c_fc.weight';

/** The file that a view would be written as, read back. */
async function written(view: TensorFile): Promise<TensorFile> {
  const tensors = new Map<string, TensorData>();
  for (const [name, { dtype, shape }] of view.tensors)
    tensors.set(name, { dtype, shape, data: await view.readBytes(name) });
  return readSafetensors(
    bytesSource('written', writeSafetensors(tensors, Object.fromEntries(view.metadata))),
  );
}

describe('int8 rows', () => {
  test('are within half a step, the largest magnitude of a row is kept, and zero stays zero', () => {
    const values = Float32Array.from([0, 3, -12.7, 0.04, 0, 0, 0, 0, 1e-3, -2e-3, 5e-4, 0]);
    const { integers, scales } = quantizeRows(values, 3);
    expect([...integers]).toEqual([0, 30, -127, 0, 0, 0, 0, 0, 64, -127, 32, 0]);
    expect(scales[1]).toBe(0);
    dequantizeRows({ integers, scales }).forEach((value, i) => {
      expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(0.5001 * scales[Math.floor(i / 4)]!);
    });
  });
});

describe('a CLIP with int8 matrices', () => {
  test('reads the same in pieces that cut rows and words', async () => {
    const view = quantized(original);
    const back = dequantized(await written(view));
    for (const [file, name] of [
      [view, matrix],
      [view, scaleName(matrix)],
      [view, 'token_embedding.weight'],
      [back, matrix],
    ] as const) {
      const whole = await file.readBytes(name);
      const step = file.tensors.get(name)!.dtype === 'F16' ? 50 : 37;
      for (let start = 0; start < whole.length; start += 5 * step) {
        const length = Math.min(step, whole.length - start);
        expect(await file.readBytes(name, start, length)).toEqual(whole.slice(start, start + length));
      }
    }
  });

  test('comes back within half a step of every row; vectors are untouched', async () => {
    const back = dequantized(await written(quantized(original)));
    expect([...back.tensors.keys()]).toEqual([...original.tensors.keys()]);
    for (const [name, { shape }] of original.tensors) {
      const [want, got] = [await original.readFloat32(name), await back.readFloat32(name)];
      const columns = want.length / (shape[0] ?? 1);
      want.forEach((value, i) => {
        const row = want.subarray(Math.floor(i / columns) * columns, (Math.floor(i / columns) + 1) * columns);
        const step = row.reduce((a, b) => Math.max(a, Math.abs(b)), 0) / 127;
        const allowed = isMatrix(name) ? 0.5001 * step : shape.length > 1 ? Math.abs(value) / 2048 + 1e-7 : 0;
        if (!(Math.abs(got[i]! - value) <= allowed))
          throw new Error(`${name}[${i}]: expected ${value}, found ${got[i]}`);
      });
    }
  });

  test('goes to the device as it is stored, in a quarter of the memory, and gives nearly the same features', async () => {
    const gpu = await testGpu();
    const file = await written(quantized(original));
    const clip = await loadClip(gpu, file);
    const tensor = clip.tensors.get(matrix)!;
    expect(tensor.dtype).toBe('q8');
    const bytes = (await readDeviceTensor(gpu, tensor)) as Uint8Array;
    const integers = await file.readBytes(matrix);
    expect(bytes.slice(0, integers.length)).toEqual(integers);
    expect(new Float32Array(bytes.buffer, scalesOffset(tensor), tensor.shape[0])).toEqual(
      await file.readFloat32(scaleName(matrix)),
    );

    const exact = await loadClip(gpu, original);
    const features = [];
    for (const loaded of [exact, clip]) {
      const size = loaded.config.imageResolution;
      const encoder = await createImageEncoder({ gpu, clip: loaded, size, needs: fapromptNeeds(1) });
      const image = Float32Array.from({ length: 3 * size * size }, (_, i) => Math.sin(0.7 * i));
      features.push((await encoder.encode([image]))[0]!);
      encoder.dispose();
      loaded.dispose();
    }
    for (const kind of ['image', 'patches'] as const) {
      const [want, got] = features.map((f) => f[kind]) as [Float32Array, Float32Array];
      const norm = Math.hypot(...want);
      const error = Math.hypot(...want.map((value, i) => value - got[i]!)) / norm;
      expect(error, kind).toBeLessThan(0.02);
      expect(error, kind).toBeGreaterThan(1e-4); // the weights were rounded
    }
  });

  test.each([
    [
      'no scales',
      (t: Map<string, TensorData>) => t.delete(scaleName(matrix)),
      /c_fc\.weight\.scale.*no such tensor/,
    ],
    [
      'scales of another length',
      (t: Map<string, TensorData>) =>
        t.set(scaleName(matrix), { dtype: 'F32', shape: [3], data: new Float32Array(3) }),
      /F32 \[512\].*F32 \[3\]/,
    ],
    [
      'an int8 vector',
      (t: Map<string, TensorData>) =>
        t.set('ln_final.bias', { dtype: 'I8', shape: [128], data: new Int8Array(128) }),
      /ln_final\.bias.*I8/,
    ],
    [
      'scales of a matrix that has none',
      (t: Map<string, TensorData>) => t.set(matrix, weights.get(matrix)!),
      /c_fc\.weight\.scale.*unknown/,
    ],
  ])('is refused with %s', async (_, damage, message) => {
    const tensors = new Map<string, TensorData>();
    const view = quantized(original);
    for (const [name, { dtype, shape }] of view.tensors)
      tensors.set(name, { dtype, shape, data: await view.readBytes(name) });
    damage(tensors);
    const check = () => clipConfigFromShapes(tensors, { file: 'damaged' });
    expect(check).toThrow(WeightsError);
    expect(check).toThrow(message);
  });
});
