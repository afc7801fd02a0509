// Trained prompts that need words: the library's `object` and `vocabulary` beside a file of prompts, and a BLIP in it.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Detector, DetectorError } from '../src/detector/index.node.ts';
import { readSafetensors, writeSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { randomClipWeights } from '../src/model/clip/random.ts';
import { wordListMetadata } from '../src/model/clip/tokenizer/tokenizer.ts';
import { authorsBlip, vocabulary, writeBlips } from './blip-fixtures.ts';
import { cli, makeFixtures, tinyConfig } from './train-fixtures.ts';

const words = ['.', 'object', 'damaged', 'normal', 'anomalous', 'weave'];
let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let image: string;
const out = (...parts: string[]) => path.join(fixtures.dir, ...parts);
beforeAll(async () => {
  fixtures = await makeFixtures();
  const meta = JSON.parse(await readFile(path.join(fixtures.data, 'meta.json'), 'utf8')) as {
    test: Record<string, { img_path: string }[]>;
  };
  image = path.join(fixtures.data, Object.values(meta.test)[0]![0]!.img_path);
});
afterAll(() => fixtures.remove());

async function trained(method: string, clip: string, ...more: string[]): Promise<string> {
  const given = [
    '--data',
    fixtures.data,
    '--clip',
    clip,
    '--epochs',
    '1',
    '--no-cache',
    '--out',
    out(method),
  ];
  const { code, note } = await cli(['train', '--method', method, ...given, ...more]);
  expect(code, note).toBe(0);
  return out(method, 'prompts.safetensors');
}

async function commandScore(...argv: string[]): Promise<number> {
  const { code, out: line, note } = await cli(['detect', image, '--json-lines', '--no-cache', ...argv]);
  expect(code, note).toBe(0);
  return (JSON.parse(line) as { score: number }).score;
}

test('prompts that name the class detect as the object that is named, as the command does', async () => {
  const clip = out('words.safetensors');
  const config = { ...tinyConfig, vocabSize: words.length + 2 };
  await writeFile(clip, writeSafetensors(randomClipWeights(config, 1), wordListMetadata(words)));
  const file = await trained('coop', clip, '--method-options', '{"context":3}');
  const given = ['--clip', clip, '--prompts', file];
  const detector = await Detector.load({ clip, prompts: { file, object: 'weave' } });
  try {
    const weave = (await detector.detect(image)).score;
    expect(weave).toBe(await commandScore(...given, '--object', 'weave'));
    await detector.setPrompts({ file: await readFile(file) });
    const unnamed = (await detector.detect(image)).score;
    expect(unnamed).toBe(await commandScore(...given));
    expect(unnamed).not.toBe(weave);
    await detector.setPrompts(file);
    expect((await detector.detect(image)).score).toBe(unnamed);
  } finally {
    detector.close();
  }
});

describe('a BLIP in the library', () => {
  const texts = ['a photo of a object', 'damaged objects', 'weave'];

  test("classifies by BERT's words, and detects with its trained pair, as the commands do", async () => {
    const blips = await writeBlips(fixtures.dir);
    const file = await trained('blip', blips.pth);
    const words = path.join(path.dirname(blips.pth), 'vocab.txt');
    const detector = await Detector.load({ clip: blips.pth, prompts: { file, vocabulary: words } });
    try {
      expect((await detector.detect(image)).score).toBe(
        await commandScore('--clip', blips.pth, '--prompts', file),
      );
      const found = await detector.classify(image, texts, { vocabulary: words });
      const asked = await cli(['classify', image, '--clip', blips.pth, '--text', ...texts, '--json']);
      expect(found).toEqual(JSON.parse(asked.out));
    } finally {
      detector.close();
    }
  });

  test('trains by its words, as the command does', async () => {
    const blips = await writeBlips(fixtures.dir);
    const words = path.join(path.dirname(blips.pth), 'vocab.txt');
    const detector = await Detector.load({ clip: blips.pth });
    try {
      const meta = JSON.parse(await readFile(path.join(fixtures.data, 'meta.json'), 'utf8')) as {
        test: Record<string, { img_path: string; mask_path: string; anomaly: number }[]>;
      };
      const samples = Object.values(meta.test)
        .flat()
        .map(({ img_path, mask_path, anomaly }) => ({
          image: path.join(fixtures.data, img_path),
          ...(anomaly ? { mask: path.join(fixtures.data, mask_path) } : {}),
        }));
      const maps: number[] = [];
      const { result } = detector.train({
        samples,
        method: 'blip',
        epochs: 1,
        vocabulary: words,
        watch: { sample: 0, every: 1 },
        onMap: ({ score }) => maps.push(score),
      });
      const { prompts, finished } = await result;
      expect(finished).toBe(true);
      expect(maps.length).toBeGreaterThan(1);
      const inFile = await readFile(out('blip', 'prompts.safetensors'));
      const learned = async (bytes: Uint8Array) => {
        const file = await readSafetensors(bytesSource('prompts', bytes));
        return file.readFloat32('ctx_neg');
      };
      expect(await learned(prompts)).toEqual(await learned(inFile));
      await expect(detector.train({ samples, method: 'blip', epochs: 1 }).result).rejects.toThrow(
        /expected BERT's vocab\.txt/,
      );
    } finally {
      detector.close();
    }
  });

  test("without BERT's vocabulary, or with CLIP's, it says what it wants", async () => {
    await mkdir(out('bare'));
    const clip = out('bare', 'blip.safetensors');
    await writeFile(clip, writeSafetensors(authorsBlip()));
    const detector = await Detector.load({ clip });
    try {
      // Node's default is CLIP's vocabulary, which ships.
      const wrong = detector.classify(image, texts);
      await expect(wrong).rejects.toThrow(DetectorError);
      await expect(wrong).rejects.toThrow(/expected BERT's vocab\.txt/);
      const bytes = new TextEncoder().encode(vocabulary.join('\n'));
      const found = await detector.classify(image, texts, { vocabulary: bytes });
      expect(found.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
    } finally {
      detector.close();
    }
  });
});
