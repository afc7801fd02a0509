// Prompts for the small CLIP, and images in every kind of file that browsers decode.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { createRandom } from '../../src/base/random.ts';
import { drawImage } from '../../src/data/synth/draw.ts';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import { bytesSource } from '../../src/formats/source.ts';
import { clipConfigOf } from '../../src/model/clip/config.ts';
import { defaultDualLayers } from '../../src/model/clip/vision.ts';
import { initialLearnables, learnableShapes } from '../../src/model/faprompt/learnables.ts';
import { presets } from '../../src/model/faprompt/options.ts';
import { faprompt } from '../../src/model/methods/faprompt/faprompt.ts';
import { writePrompts } from '../../src/model/methods/prompts-file.ts';

export const smallClip = path.resolve('weights/small-clip.safetensors');

/** Untrained prompts with a threshold: their scores differ between images all the same. */
export async function smallPrompts(prompts = 4): Promise<Uint8Array> {
  const bytes = await readFile(smallClip);
  const config = clipConfigOf(await readSafetensors(bytesSource(smallClip, bytes)));
  const options = { ...presets.topm, prompts };
  return writePrompts(
    {
      method: faprompt('faprompt', 'FAPrompt', options),
      learnables: initialLearnables(learnableShapes(options, config), createRandom(3)),
      clip: createHash('sha256').update(bytes).digest('hex'),
      imageSize: config.imageResolution,
      dualLayers: defaultDualLayers(config),
      training: { seed: 3 },
      threshold: { threshold: 0.5 },
    },
    config,
  );
}

/** A surface with a scratch, larger than the CLIP's images, so that it is resized. */
export const drawn = (seed = 5) => drawImage('weave', 'scratch', { seed, size: 160 });

export const encoded = {
  png: (seed?: number) => raw(seed).png().toBuffer(),
  jpeg: (seed?: number) => raw(seed).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(),
};

export const raw = (seed?: number) => {
  const { image } = drawn(seed);
  return sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } });
};

/** Largest difference of two maps; infinite where their lengths differ. */
export const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length
    ? Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
    : Number.POSITIVE_INFINITY;
