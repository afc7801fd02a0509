import { describe, expect, test } from 'vitest';
import {
  float16Tensor,
  float32Tensor,
  type TensorData,
  writeSafetensors,
} from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { readDeviceTensor } from '../src/graph/device-tensor.ts';
import { byteLength } from '../src/kernels/tensor.ts';
import { clipTensors } from '../src/model/checkpoint/names.ts';
import { readTensors } from '../src/model/checkpoint/open.ts';
import { clipConfig, clipTensorShapes } from '../src/model/clip/config.ts';
import { createImageEncoder } from '../src/model/clip/image-encoder.ts';
import { fapromptNeeds } from '../src/model/clip/needs.ts';
import { wordListMetadata } from '../src/model/clip/tokenizer/tokenizer.ts';
import { smallClipWords } from '../src/model/clip/tokenizer/words.ts';
import { loadClip } from '../src/model/clip/weights.ts';
import { asHuggingFace, asOpenClip, tinyConfig, tinyWeights } from './clip-files.ts';
import { testGpu } from './gpu.ts';
import { torchFile } from './torch-file.ts';

const words = wordListMetadata(smallClipWords.slice(0, tinyConfig.vocabSize - 2));
const weights = tinyWeights();
const open = async (bytes: Uint8Array) => {
  const { file } = clipTensors(await readTensors(bytesSource('test', bytes)));
  return { ...file, metadata: new Map([...file.metadata, ...Object.entries(words)]) };
};

describe('loading a CLIP onto the device', () => {
  test('every format and naming gives the same bits', async () => {
    const gpu = await testGpu();
    for (const [what, bytes] of [
      ['openai safetensors', writeSafetensors(weights)],
      ['huggingface safetensors', writeSafetensors(asHuggingFace(weights))],
      ['openclip .pt', torchFile(asOpenClip(weights))],
    ] as const) {
      const seen: [number, number][] = [];
      const clip = await loadClip(gpu, await open(bytes), { onProgress: (...step) => seen.push(step) });
      for (const [name, tensor] of clip.tensors)
        expect(same(await readDeviceTensor(gpu, tensor), weights.get(name)!.data), `${what} ${name}`).toBe(
          true,
        );
      expect(clip.tensors.size).toBe(weights.size - 2);
      const rows = await clip.tokenRows([5]);
      expect(
        same(rows.get(5)!, (weights.get('token_embedding.weight')!.data as Float32Array).slice(640, 768)),
      ).toBe(true);
      const totals = new Set(seen.map(([, total]) => total));
      expect(totals.size).toBe(1);
      expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b));
      expect(seen.at(-1)![0]).toBe([...totals][0]);
      clip.dispose();
    }
  });

  test('a large tensor comes in pieces, in f32 and in f16', async () => {
    const gpu = await testGpu();
    const config = clipConfig({ ...tinyConfig, textWidth: 1088, textLayers: 1 });
    const name = 'transformer.resblocks.0.mlp.c_fc.weight'; // 4.7 million elements
    for (const make of [float32Tensor, float16Tensor]) {
      const tensors = new Map<string, TensorData>();
      for (const [tensor, shape] of clipTensorShapes(config)) {
        const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
        if (tensor === name) for (let i = 0; i < values.length; i++) values[i] = (i * 31) % 2048;
        tensors.set(tensor, make(shape, values));
      }
      const file = await open(writeSafetensors(tensors));
      let largest = 0;
      const counted = {
        ...file,
        readBytes: (tensor: string, start?: number, length = 0) => {
          largest = Math.max(largest, length);
          return file.readBytes(tensor, start, length);
        },
        readFloat32: (tensor: string, start?: number, count = 0) => {
          largest = Math.max(largest, 4 * count);
          return file.readFloat32(tensor, start, count);
        },
      };
      const clip = await loadClip(gpu, counted);
      expect(same(await readDeviceTensor(gpu, clip.tensors.get(name)!), tensors.get(name)!.data)).toBe(true);
      expect(largest).toBeLessThanOrEqual(2 ** 24);
      expect(largest).toBeGreaterThan(2 ** 22);
      clip.dispose();
    }
  });

  test('an abort and a failing source free what was allocated', async () => {
    const gpu = await testGpu();
    const before = gpu.memory.allocated;
    const file = await open(writeSafetensors(weights));
    const control = new AbortController();
    const reason = new Error('enough');
    const loading = loadClip(gpu, file, {
      signal: control.signal,
      onProgress: (done, total) => done > total / 2 && control.abort(reason),
    });
    await expect(loading).rejects.toBe(reason);
    expect(gpu.memory.allocated).toBe(before);
    const broken = { ...file, readFloat32: () => Promise.reject(new Error('gone')) };
    await expect(loadClip(gpu, broken)).rejects.toThrow('gone');
    expect(gpu.memory.allocated).toBe(before);
    const clip = await loadClip(gpu, file);
    const sizes = [...clip.tensors.values()].map(byteLength);
    expect(gpu.memory.allocated - before).toBeGreaterThanOrEqual(sizes.reduce((a, b) => a + b, 0));
    clip.dispose();
    expect(gpu.memory.allocated).toBe(before);
  });

  test('the activation that the weights were trained with decides the features', async () => {
    const gpu = await testGpu();
    const file = await open(writeSafetensors(weights));
    const features: Float32Array[] = [];
    for (const activation of ['quickgelu', 'gelu'] as const) {
      const clip = await loadClip(gpu, file, { activation });
      const size = clip.config.imageResolution;
      const encoder = await createImageEncoder({ gpu, clip, size, needs: fapromptNeeds(1) });
      const image = Float32Array.from({ length: 3 * size * size }, (_, i) => Math.sin(i));
      features.push((await encoder.encode([image]))[0]!.image);
      encoder.dispose();
      clip.dispose();
    }
    // Near, since the activations are, but not the same. test/golden/make.py has a configuration with GELU.
    const cosine = features[0]!.reduce((sum, v, i) => sum + v * features[1]![i]!, 0);
    expect(cosine).toBeGreaterThan(0.9);
    expect(cosine).toBeLessThan(0.999999);
  });
});

const buffer = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
const same = (a: ArrayBufferView, b: ArrayBufferView) => Buffer.compare(buffer(a), buffer(b)) === 0;
