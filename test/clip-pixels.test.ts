// How a CLIP wants its pixels: OpenAI's mean and deviation unless the configuration beside the weights says otherwise.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Detector } from '../src/detector/index.node.ts';
import { WeightsError } from '../src/formats/errors.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { configMetadata, preprocessorMetadata } from '../src/model/checkpoint/config-json.ts';
import { openClip } from '../src/model/checkpoint/open.node.ts';
import { clipConfig, clipConfigOf, clipMetadata } from '../src/model/clip/config.ts';
import { clipNeeds } from '../src/model/clip/needs.ts';
import { clipMean, clipStd } from '../src/model/clip/pixels.ts';
import { preprocessCrop, preprocessImage } from '../src/model/clip/preprocess.ts';
import { entryKey } from '../src/train/features/entry.ts';
import { asHuggingFace, asOpenClip, tinyWeights } from './clip-files.ts';
import { testGpu } from './gpu.ts';
import { cli } from './train-fixtures.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'faprompt-pixels-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const half = [0.5, 0.5, 0.5] as const;
const openClipConfig = (preprocess_cfg?: unknown) =>
  JSON.stringify({
    model_cfg: { vision_cfg: {}, text_cfg: { width: 64, heads: 1 }, quick_gelu: true },
    ...(preprocess_cfg ? { preprocess_cfg } : {}),
  });

test('what the configurations say', () => {
  const read = (cfg?: unknown) => configMetadata(openClipConfig(cfg), 'open_clip_config.json');
  expect(read({ mean: half, std: half })).toMatchObject({
    pixel_mean: '0.5,0.5,0.5',
    pixel_std: '0.5,0.5,0.5',
  });
  expect(read({ mean: [0, 0, 0] }).pixel_std).toBe(clipStd.join(','));
  // OpenAI's own need no word.
  for (const cfg of [undefined, {}, { mean: clipMean, std: clipStd }, { mean: null, size: 224 }])
    expect(read(cfg)).not.toHaveProperty('pixel_mean');
  for (const bad of [{ mean: [0, 0] }, { std: [0, 1, 1] }, { mean: ['0', 0, 0] }, { std: 1 }, 3])
    expect(() => read(bad), JSON.stringify(bad)).toThrow(WeightsError);
  const face = (json: unknown) => preprocessorMetadata(JSON.stringify(json), 'preprocessor_config.json');
  expect(face({ image_mean: half, image_std: half }).pixel_mean).toBe('0.5,0.5,0.5');
  expect(face({ image_mean: clipMean, image_std: clipStd, crop_size: 224 })).toEqual({});
  expect(face({ do_normalize: false, image_mean: half }).pixel_std).toBe('1,1,1');
});

test('pixels on the device', async () => {
  const gpu = await testGpu();
  const data = Uint8Array.from({ length: 3 * 16 }, (_, i) => (i * 37) % 256);
  const image = { width: 4, height: 4, data };
  for (const made of [
    await preprocessImage(gpu, image, 4, { scale: { mean: half, std: half } }),
    await preprocessCrop(gpu, image, 4, { mean: half, std: half }),
  ])
    for (let i = 0; i < 48; i += 1)
      expect(made[i]).toBeCloseTo((data[3 * (i % 16) + Math.floor(i / 16)]! / 255 - 0.5) / 0.5, 5);
});

test('from the folder to the score; kept by convert; features of their own in the cache', async () => {
  const config = clipConfig({
    ...{ visionWidth: 64, visionLayers: 2, patch: 8, grid: 3, textWidth: 64, textLayers: 1 },
    ...{ contextLength: 77, vocabSize: 49408, embedDim: 32 },
  });
  const weights = tinyWeights(config);
  const make = (name: string, files: Record<string, string | Uint8Array>) => {
    const dir = path.join(folder, name);
    mkdirSync(dir);
    for (const [file, content] of Object.entries(files)) writeFileSync(path.join(dir, file), content);
    return dir;
  };
  const openClipFile = writeSafetensors(asOpenClip(weights));
  const usual = make('usual', {
    'open_clip_model.safetensors': openClipFile,
    'open_clip_config.json': openClipConfig(),
  });
  const other = make('other', {
    'open_clip_model.safetensors': openClipFile,
    'open_clip_config.json': openClipConfig({ mean: half, std: half, interpolation: 'bicubic' }),
  });
  const face = make('face', {
    'model.safetensors': writeSafetensors(asHuggingFace(weights)),
    'config.json': JSON.stringify({
      model_type: 'clip',
      vision_config: { hidden_size: 64, num_attention_heads: 1 },
      text_config: { hidden_size: 64, num_attention_heads: 1 },
    }),
    'preprocessor_config.json': JSON.stringify({ image_mean: half, image_std: half }),
  });
  const converted = path.join(folder, 'converted.safetensors');
  const { code, note } = await cli(['weights', 'convert', other, converted]);
  expect(code, note).toBe(0);

  const opened = await openClip(converted);
  expect(clipConfigOf(opened.file).pixels).toEqual({ mean: half, std: half });
  expect(clipMetadata(clipConfigOf(opened.file)).pixel_std).toBe('0.5,0.5,0.5');
  await opened.close();

  const image = { width: 24, height: 24, data: new Uint8Array(3 * 24 * 24).map((_, i) => (i * 31) % 256) };
  const texts = ['a flawless tile', 'a cracked tile', 'a cat'];
  const seen = async (clip: string) => {
    const detector = await Detector.load({ clip, prompts: { object: 'tile' } });
    const { score } = await detector.detect(image);
    const vocabulary = 'weights/clip-merges.txt.gz';
    const cosines = (await detector.classify(image, texts, { vocabulary })).map(({ cosine }) => cosine);
    detector.close();
    return { score, cosines };
  };
  const [first, second, third, fourth] = [
    await seen(path.join(usual, 'open_clip_model.safetensors')),
    await seen(path.join(other, 'open_clip_model.safetensors')),
    await seen(path.join(face, 'model.safetensors')),
    await seen(converted),
  ];
  expect(second.score).not.toBe(first.score);
  expect(second.cosines[0]).not.toBe(first.cosines[0]);
  for (const same of [third, fourth]) {
    expect(same.score).toBeCloseTo(second.score, 6);
    for (const [i, cosine] of same.cosines.entries()) expect(cosine).toBeCloseTo(second.cosines[i]!, 6);
  }

  const settings = { clip: 'c', imageSize: 24, needs: clipNeeds, precision: 'f32' } as const;
  const plain = await entryKey('i', settings);
  expect(await entryKey('i', { ...settings, pixels: undefined })).toBe(plain);
  expect(await entryKey('i', { ...settings, pixels: { mean: half, std: half } })).not.toBe(plain);
});
