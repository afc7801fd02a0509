import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { WeightsError } from '../src/formats/errors.ts';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { openFile } from '../src/formats/source.node.ts';
import type { TensorType } from '../src/model/clip/check-tensors.ts';
import {
  clipConfig,
  clipConfigFromShapes,
  clipTensorShapes,
  knownClipConfigs,
  smallClipConfig,
} from '../src/model/clip/config.ts';
import { gaussian, randomClipTensor, randomClipWeights } from '../src/model/clip/random.ts';
import { smallClipWords } from '../src/model/clip/tokenizer/words.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';

const tiny = clipConfig({
  visionWidth: 64,
  visionLayers: 3,
  patch: 14,
  grid: 4,
  textWidth: 128,
  textLayers: 2,
  contextLength: 20,
  vocabSize: 16,
  embedDim: 96,
});

const typesOf = (config: typeof tiny): Map<string, TensorType> =>
  new Map([...clipTensorShapes(config)].map(([name, shape]) => [name, { dtype: 'F16', shape }]));

/** The error for the tensors of `tiny` after a change. */
function errorAfter(change: (tensors: Map<string, TensorType>) => void, headDim?: number): WeightsError {
  const tensors = typesOf(tiny);
  change(tensors);
  try {
    clipConfigFromShapes(tensors, { file: 'x.safetensors', headDim });
  } catch (error) {
    expect(error).toBeInstanceOf(WeightsError);
    expect((error as WeightsError).file).toBe('x.safetensors');
    return error as WeightsError;
  }
  throw new Error('accepted');
}

const reshape = (name: string, shape: number[]) => (tensors: Map<string, TensorType>) =>
  tensors.set(name, { dtype: 'F32', shape });

describe('configuration from shapes', () => {
  test('every known configuration is recovered from its own shapes', () => {
    for (const config of [...Object.values(knownClipConfigs), tiny])
      expect(clipConfigFromShapes(typesOf(config), { file: 'x' })).toEqual(config);
    const small = smallClipConfig(300);
    expect(clipConfigFromShapes(typesOf(small), { file: 'x', headDim: 32 })).toEqual(small);
    expect(clipConfigFromShapes(typesOf(tiny), { file: 'x', headDim: 32 })).toMatchObject({
      visionHeads: 2,
      textHeads: 4,
    });
  });

  test('the published models have their published sizes', () => {
    const parameters = (config: typeof tiny) =>
      [...clipTensorShapes(config).values()].reduce(
        (sum, shape) => sum + shape.reduce((a, b) => a * b, 1),
        0,
      );
    expect(parameters(knownClipConfigs['ViT-B/32'])).toBe(151277313);
    expect(parameters(knownClipConfigs['ViT-B/16'])).toBe(149620737);
    expect(parameters(knownClipConfigs['ViT-L/14'])).toBe(427616513);
    expect(parameters(knownClipConfigs['ViT-L/14@336px'])).toBe(427944193);
    expect(knownClipConfigs['ViT-L/14@336px']).toMatchObject({
      visionHeads: 16,
      textHeads: 12,
      imageResolution: 336,
    });
    expect(clipTensorShapes(knownClipConfigs['ViT-L/14@336px']).size).toBe(36 * 12 + 14);
  });

  test("the scalars of OpenAI's archives are ignored", () => {
    const tensors = typesOf(tiny);
    for (const name of ['input_resolution', 'context_length', 'vocab_size'])
      tensors.set(name, { dtype: 'I64', shape: [] });
    expect(clipConfigFromShapes(tensors, { file: 'x' })).toEqual(tiny);
  });

  test('each single missing tensor, wrong shape or wrong dtype is found and named', () => {
    for (const [name, shape] of clipTensorShapes(tiny)) {
      expect(errorAfter((t) => t.delete(name))).toMatchObject({ tensor: name, found: 'no such tensor' });
      const longer = [...shape, 1];
      const error = errorAfter((t) => t.set(name, { dtype: 'F32', shape: longer }));
      expect(error).toMatchObject({ tensor: name, found: `[${longer}]` });
      expect(errorAfter((t) => t.set(name, { dtype: 'I32', shape }))).toMatchObject({
        tensor: name,
        found: 'I32',
      });
    }
  });

  test('messages name tensor, expected and found', () => {
    expect(errorAfter((t) => t.delete('visual.proj'))).toMatchObject({
      tensor: 'visual.proj',
      expected: 'shape [width, embed]',
      found: 'no such tensor',
    });
    expect(errorAfter((t) => t.delete('transformer.resblocks.1.ln_2.bias')).message).toBe(
      'x.safetensors: tensor transformer.resblocks.1.ln_2.bias: expected shape [128], found no such tensor',
    );
    expect(errorAfter(reshape('text_projection', [128, 97]))).toMatchObject({
      tensor: 'text_projection',
      expected: 'shape [128,96]',
      found: '[128,97]',
    });
    expect(errorAfter(reshape('transformer.resblocks.0.attn.extra', [1]))).toMatchObject({
      tensor: 'transformer.resblocks.0.attn.extra',
      found: 'an unknown tensor',
    });
    expect(errorAfter(reshape('visual.positional_embedding', [19, 64])).found).toBe('19 rows');
    expect(errorAfter(reshape('visual.conv1.weight', [64, 3, 14])).found).toBe('[64,3,14]');
    expect(errorAfter(reshape('visual.conv1.weight', [64, 4, 14, 14])).tensor).toBe('visual.conv1.weight');
    expect(errorAfter(reshape('visual.conv1.weight', [0, 3, 14, 14])).found).toBe('[0,3,14,14]');
    expect(errorAfter(() => {}, 48)).toMatchObject({ tensor: 'visual.conv1.weight', found: '64' });
  });

  test('a block with a huge index is a missing tensor, not a billion blocks', () => {
    expect(errorAfter(reshape('transformer.resblocks.999999999.ln_1.bias', [128])).found).toBe(
      'no such tensor',
    );
  });

  test('ResNet encoders and other naming schemes are refused clearly', () => {
    expect(errorAfter(reshape('visual.layer1.0.conv1.weight', [64, 64, 1, 1])).found).toMatch(/ResNet/);
    expect(errorAfter(reshape('vision_model.embeddings.class_embedding', [64])).found).toMatch(
      /Hugging Face/,
    );
    expect(() => clipConfigFromShapes(new Map(), { file: 'empty' })).toThrow(WeightsError);
  });

  test.skipIf(!hasShared('golden/manifest.json'))(
    'the golden weights give the golden configuration',
    async () => {
      const { cfg } = JSON.parse(readFileSync(sharedPath('golden/manifest.json'), 'utf8')).a;
      for (const name of ['weights', 'weights_f16']) {
        const source = await openFile(sharedPath(`golden/a/${name}.safetensors`));
        const { tensors } = await readSafetensors(source);
        await source.close();
        expect(clipConfigFromShapes(tensors, { file: source.name, headDim: cfg.head_dim })).toEqual({
          visionWidth: cfg.vision_width,
          visionLayers: cfg.vision_layers,
          visionHeads: cfg.vision_heads,
          patch: cfg.patch,
          grid: cfg.train_res / cfg.patch,
          imageResolution: cfg.train_res,
          textWidth: cfg.text_width,
          textLayers: cfg.text_layers,
          textHeads: cfg.text_heads,
          contextLength: cfg.context,
          vocabSize: cfg.vocab,
          embedDim: cfg.embed,
          activation: 'quickgelu',
        });
      }
    },
  );
});

describe('random weights', () => {
  test('the same seed gives the same numbers, another seed others, each tensor on its own', () => {
    const weights = randomClipWeights(tiny, 3);
    expect([...weights.keys()]).toEqual([...clipTensorShapes(tiny).keys()]);
    expect(clipConfigFromShapes(weights, { file: 'random' })).toEqual(tiny);
    const name = 'visual.transformer.resblocks.1.mlp.c_fc.weight';
    const values = weights.get(name)!.data as Float32Array;
    expect(randomClipTensor(name, [256, 64], 3)).toEqual(values);
    expect(randomClipTensor(name, [256, 64], 4)).not.toEqual(values);
    expect(weights.get('visual.transformer.resblocks.0.mlp.c_fc.weight')!.data).not.toEqual(values);
    expect((weights.get('logit_scale')!.data as Float32Array)[0]).toBeCloseTo(Math.log(100), 2);
  });

  test('mean and spread are those of the kind of tensor', () => {
    const moments = (name: string, shape: number[]) => {
      const values = randomClipTensor(name, shape, 1);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      return [mean, Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)];
    };
    for (const [name, shape, mean, std] of [
      ['visual.conv1.weight', [512, 3, 8, 8], 0, 0.7 / Math.sqrt(192)],
      ['transformer.resblocks.0.attn.in_proj_weight', [384, 128], 0, 1.3 / Math.sqrt(128)],
      ['transformer.resblocks.0.mlp.c_proj.weight', [128, 512], 0, 1 / Math.sqrt(512)],
      ['visual.proj', [128, 64], 0, 1 / Math.sqrt(128)],
      ['ln_final.weight', [40000], 1, 0.1],
      ['visual.transformer.resblocks.0.ln_1.bias', [40000], 0, 0.05],
      ['visual.transformer.resblocks.0.attn.out_proj.bias', [40000], 0, 0.02],
    ] as const) {
      const [m, s] = moments(name, [...shape]) as [number, number];
      expect(Math.abs(m - mean), name).toBeLessThan(std * 0.05);
      expect(Math.abs(s / std - 1), name).toBeLessThan(0.05);
    }
  });

  test('the numbers are normally distributed and uncorrelated', () => {
    const next = gaussian(9, 'x');
    const values = Float64Array.from({ length: 100_000 }, next);
    const fraction = (low: number, high: number) =>
      values.filter((v) => v >= low && v < high).length / values.length;
    expect(fraction(-1, 1)).toBeCloseTo(0.6827, 2);
    expect(fraction(2, Number.POSITIVE_INFINITY)).toBeCloseTo(0.0228, 2);
    const lag = values.subarray(1).reduce((sum, v, i) => sum + v * values[i]!, 0) / values.length;
    expect(Math.abs(lag)).toBeLessThan(0.01);
  });

  test('the small CLIP is small', () => {
    const config = smallClipConfig(smallClipWords.length);
    expect(config).toMatchObject({
      imageResolution: 64,
      visionHeads: 4,
      vocabSize: smallClipWords.length + 2,
    });
    const sizes = [...clipTensorShapes(config).values()].map((shape) => shape.reduce((a, b) => a * b, 1));
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(2e6);
  });
});
