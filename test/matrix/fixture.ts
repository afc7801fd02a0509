// What the matrices run on: a tiny CLIP with a context long enough for every preset, five images of which three have a
// defect, in both splits, so that one epoch of batches of four is two steps, the second of a single image.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generate } from '../../src/data/synth/generate.node.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { clipConfig } from '../../src/model/clip/config.ts';
import { randomClipWeights } from '../../src/model/clip/random.ts';
import { wordListMetadata } from '../../src/model/clip/tokenizer/tokenizer.ts';
import { scratchFolder } from './scratch.ts';

/** Every word of the fixed prompts of every method that learns. */
const words = [
  '.',
  'object',
  'damaged',
  'a',
  'photo',
  'of',
  'weave',
  'without',
  'defect',
  'flawless',
  'with',
  'flaw',
  'normal',
  'anomalous',
  'wood',
];

export const matrixConfig = clipConfig({
  visionWidth: 64,
  visionLayers: 2,
  patch: 8,
  grid: 5, // 25 patches: the methods of figure 3 take up to 20
  textWidth: 64,
  textLayers: 3,
  contextLength: 77,
  vocabSize: words.length + 2,
  embedDim: 32,
});

/** The bytes of a CLIP of seeded weights, with the words. */
export const matrixClip = (seed: number): Uint8Array =>
  writeSafetensors(randomClipWeights(matrixConfig, seed), wordListMetadata(words));

export interface MatrixFixture {
  readonly dir: string;
  readonly clip: string;
  readonly data: string;
  /** One of the data set's images, with a defect. */
  readonly image: string;
  readonly samples: readonly {
    readonly image: string;
    readonly mask?: string;
    readonly className: string;
  }[];
  at(...names: string[]): string;
  remove(): Promise<void>;
}

interface Entry {
  readonly img_path: string;
  readonly mask_path: string;
  readonly cls_name: string;
}

export async function matrixFixture(): Promise<MatrixFixture> {
  const { dir, remove } = await scratchFolder('matrix');
  const at = (...names: string[]) => path.join(dir, ...names);
  const [clip, data] = [at('clip.safetensors'), at('data')];
  await writeFile(clip, matrixClip(1));
  await generate(data, { seed: 1, imageSize: 40, classes: ['weave'], good: 2, defective: 3 });
  const meta = JSON.parse(await readFile(path.join(data, 'meta.json'), 'utf8')) as {
    test: Record<string, Entry[]>;
  };
  await writeFile(path.join(data, 'meta.json'), JSON.stringify({ ...meta, train: meta.test }));
  const entries = Object.values(meta.test).flat();
  const inData = (name: string) => path.join(data, name);
  return {
    dir,
    clip,
    data,
    at,
    remove,
    image: inData(entries.find(({ mask_path }) => mask_path)!.img_path),
    samples: entries.map(({ img_path, mask_path, cls_name }) => ({
      className: cls_name,
      image: inData(img_path),
      ...(mask_path ? { mask: inData(mask_path) } : {}),
    })),
  };
}
