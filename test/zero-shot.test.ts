import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readImage } from '../src/data/image.node.ts';
import { readSafetensors, writeSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { resolveWeights } from '../src/jobs/models.ts';
import { openClip } from '../src/model/checkpoint/open.node.ts';
import { type Activation, clipConfig } from '../src/model/clip/config.ts';
import { preprocessCrop } from '../src/model/clip/preprocess.ts';
import { createTokenizer, decodeVocabulary } from '../src/model/clip/tokenizer/bpe.ts';
import { wordListMetadata } from '../src/model/clip/tokenizer/tokenizer.ts';
import { loadClip, logitScale } from '../src/model/clip/weights.ts';
import { imageFeature, textFeatures, textTokens, zeroShot } from '../src/model/clip/zero-shot.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';
import { tinyConfig, tinyWeights } from './clip-files.ts';
import { testGpu } from './gpu.ts';

type Matrix = Float64Array<ArrayBuffer>[];

/** Plain CLIP in float64, written straight from the paper's code: an independent definition. */
function reference(config: typeof tinyConfig) {
  const weights = tinyWeights(config);
  const tensor = (name: string) => weights.get(name)!;
  const vector = (name: string) => Float64Array.from(tensor(name).data as Float32Array);
  const matrix = (name: string): Matrix => {
    const columns = tensor(name)
      .shape.slice(1)
      .reduce((a, b) => a * b, 1);
    const all = vector(name);
    return Array.from({ length: all.length / columns }, (_, i) => all.slice(i * columns, (i + 1) * columns));
  };
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const add = (a: Float64Array<ArrayBuffer>, b: Float64Array) => a.map((value, i) => value + b[i]!);
  const norm = (x: Float64Array<ArrayBuffer>, name: string) => {
    const mean = x.reduce((a, b) => a + b, 0) / x.length;
    const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length;
    const [scale, shift] = [vector(`${name}.weight`), vector(`${name}.bias`)];
    return x.map((value, i) => ((value - mean) / Math.sqrt(variance + 1e-5)) * scale[i]! + shift[i]!);
  };
  const linear = (x: Float64Array, weight: string, bias: string) => {
    const shift = vector(bias);
    return Float64Array.from(matrix(weight), (row, i) => dot(row, x) + shift[i]!);
  };
  const project = (x: Float64Array, name: string) => {
    const rows = matrix(name);
    const out = rows[0]!.map((_, j) => rows.reduce((sum, row, i) => sum + row[j]! * x[i]!, 0));
    const length = Math.sqrt(dot(out, out));
    return out.map((value) => value / length);
  };
  const block = (x: Matrix, name: string, heads: number, causal: boolean): Matrix => {
    const qkv = x.map((row) =>
      linear(norm(row, `${name}.ln_1`), `${name}.attn.in_proj_weight`, `${name}.attn.in_proj_bias`),
    );
    const width = x[0]!.length;
    const size = width / heads;
    const attended = x.map((_, i) => {
      const out = new Float64Array(width);
      for (let head = 0; head < heads; head++) {
        const part = (row: number, which: number) =>
          qkv[row]!.slice(which * width + head * size, which * width + (head + 1) * size);
        const keys = x.map((_, j) => j).filter((j) => !causal || j <= i);
        const scores = keys.map((j) => Math.exp(dot(part(i, 0), part(j, 1)) / Math.sqrt(size)));
        const total = scores.reduce((a, b) => a + b, 0);
        for (const [k, j] of keys.entries())
          part(j, 2).forEach((value, c) => {
            out[head * size + c]! += (scores[k]! / total) * value;
          });
      }
      return out;
    });
    return x.map((row, i) => {
      const after = add(
        row,
        linear(attended[i]!, `${name}.attn.out_proj.weight`, `${name}.attn.out_proj.bias`),
      );
      const hidden = linear(norm(after, `${name}.ln_2`), `${name}.mlp.c_fc.weight`, `${name}.mlp.c_fc.bias`);
      const active = hidden.map((value) => value / (1 + Math.exp(-1.702 * value)));
      return add(after, linear(active, `${name}.mlp.c_proj.weight`, `${name}.mlp.c_proj.bias`));
    });
  };
  return {
    image(pixels: Float32Array): Float64Array {
      const { patch, grid } = config;
      const size = patch * grid;
      const kernels = matrix('visual.conv1.weight');
      const positions = matrix('visual.positional_embedding');
      let x: Matrix = [vector('visual.class_embedding')];
      for (let p = 0; p < grid * grid; p++) {
        const values = Float64Array.from({ length: 3 * patch * patch }, (_, i) => {
          const [c, y, z] = [Math.floor(i / patch ** 2), Math.floor(i / patch) % patch, i % patch];
          return pixels[
            c! * size * size + (Math.floor(p / grid) * patch + y!) * size + (p % grid) * patch + z!
          ]!;
        });
        x.push(Float64Array.from(kernels, (kernel) => dot(kernel, values)));
      }
      x = x.map((row, i) => norm(add(row, positions[i]!), 'visual.ln_pre'));
      for (let i = 0; i < config.visionLayers; i++)
        x = block(x, `visual.transformer.resblocks.${i}`, config.visionHeads, false);
      return project(norm(x[0]!, 'visual.ln_post'), 'visual.proj');
    },
    text(ids: readonly number[]): Float64Array {
      const [table, positions] = [matrix('token_embedding.weight'), matrix('positional_embedding')];
      let x = ids.map((id, i) => add(table[id]!, positions[i]!));
      for (let i = 0; i < config.textLayers; i++)
        x = block(x, `transformer.resblocks.${i}`, config.textHeads, true);
      return project(norm(x[ids.lastIndexOf(Math.max(...ids))]!, 'ln_final'), 'text_projection');
    },
  };
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.hypot(...Array.from(a, (value, i) => value - b[i]!));

describe('plain CLIP', () => {
  test.each([64, 32])(
    'features equal an independent implementation in float64, heads of %d',
    async (headDim) => {
      const { visionHeads, textHeads, imageResolution, activation, ...sizes } = tinyConfig;
      const config = clipConfig({ ...sizes, headDim, activation: activation as Activation });
      const gpu = await testGpu();
      const words = ['a', 'good', 'bad', 'part', 'photo', '.'];
      const bytes = writeSafetensors(tinyWeights(config), wordListMetadata(words));
      const file = await readSafetensors(bytesSource('tiny', bytes));
      const clip = await loadClip(gpu, file, { headDim });
      const size = clip.config.imageResolution;
      const pixels = Float32Array.from({ length: 3 * size * size }, (_, i) => Math.sin(i * 0.37) * 1.5);
      const expected = reference(config);
      const image = await imageFeature(gpu, clip, pixels);
      expect(distance(image, expected.image(pixels))).toBeLessThan(1e-5);
      const texts = [
        ['a good part', [6, 0, 1, 3, 7]],
        ['Photo.', [6, 4, 5, 7]],
        ['', [6, 7]],
        ['a bad part', [6, 0, 2, 3, 7]],
      ] as const;
      const tokens = texts.map(([text]) => textTokens(clip, clip.tokenizer, text));
      expect(tokens.map((ids) => [...ids])).toEqual(texts.map(([, ids]) => ids));
      const features = await textFeatures(gpu, clip, tokens);
      for (const [i, [text, ids]] of texts.entries())
        expect(distance(features[i]!, expected.text(ids)), text).toBeLessThan(1e-5);
      expect(await logitScale(file)).toBeCloseTo(100, 0);
      clip.dispose();
    },
  );

  test('probabilities are the softmax of scaled cosines', () => {
    const { cosines, probabilities } = zeroShot(
      new Float32Array([1, 0]),
      [new Float32Array([0.6, 0.8]), new Float32Array([0.5, 0.5])],
      100,
    );
    expect(cosines[0]).toBeCloseTo(0.6);
    expect(probabilities[1]! / probabilities[0]!).toBeCloseTo(Math.exp(-10), 6);
    expect(probabilities[0]! + probabilities[1]!).toBeCloseTo(1);
  });
});

/** Values of a .npy file of float32. */
function readNpy(file: string): Float32Array {
  const bytes = readFileSync(file);
  const start = 10 + bytes.readUInt16LE(8);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
}

test.skipIf(!hasShared('golden/clip/expected_preprocessed_image.npy'))(
  "CLIP's own preprocessing: shorter side to 224, the middle square",
  async () => {
    const image = await readImage(sharedPath('golden/clip/franz-kafka.jpg'));
    expect(image.width).not.toBe(image.height);
    const found = await preprocessCrop(await testGpu(), image, 224);
    const expected = readNpy(sharedPath('golden/clip/expected_preprocessed_image.npy'));
    expect(found.length).toBe(expected.length);
    let [worst, sum] = [0, 0];
    for (const [i, value] of found.entries()) {
      const error = Math.abs(value - expected[i]!);
      worst = Math.max(worst, error);
      sum += error;
    }
    console.log(`preprocessing: largest error ${worst}, mean ${sum / found.length}`);
    expect(worst).toBeLessThan(1e-5);
  },
);

const weights = process.env.FAPROMPT_VIT_B32 ?? (await resolveWeights('ViT-B/32').catch(() => ''));
if (!existsSync(weights))
  console.warn('skipped: real weights (faprompt weights pull ViT-B/32, or set FAPROMPT_VIT_B32, to enable)');

test.skipIf(!existsSync(weights) || !hasShared('golden/clip/CLIP.png'))(
  "OpenAI's ViT-B/32 gives the published probabilities",
  async () => {
    const gpu = await testGpu();
    const { file, close } = await openClip(path.resolve(weights));
    const clip = await loadClip(gpu, file);
    const vocabulary = readFileSync(sharedPath('golden/clip/bpe_simple_vocab_16e6.txt.gz'));
    const tokenizer = createTokenizer(await decodeVocabulary(new Uint8Array(vocabulary)));
    const pixels = await preprocessCrop(gpu, await readImage(sharedPath('golden/clip/CLIP.png')), 224);
    const image = await imageFeature(gpu, clip, pixels);
    const tokens = ['a diagram', 'a dog', 'a cat'].map((text) => textTokens(clip, tokenizer, text));
    const texts = await textFeatures(gpu, clip, tokens);
    const { probabilities } = zeroShot(image, texts, await logitScale(file));
    const published = [0.9927937, 0.00421068, 0.00299572];
    for (const [i, probability] of probabilities.entries())
      expect(Math.abs(probability - published[i]!)).toBeLessThan(1e-3);
    clip.dispose();
    await close();
  },
);
