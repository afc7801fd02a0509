// In place of the CLIP that ships, one that trains in a blink: for tests that ask nothing of what it sees.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createRandom } from '../../src/base/random.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { clipConfig } from '../../src/model/clip/config.ts';
import { randomClipWeights } from '../../src/model/clip/random.ts';
import { wordListMetadata } from '../../src/model/clip/tokenizer/tokenizer.ts';
import { defaultDualLayers } from '../../src/model/clip/vision.ts';
import { initialLearnables, learnableShapes } from '../../src/model/faprompt/learnables.ts';
import { presets } from '../../src/model/faprompt/options.ts';
import { faprompt } from '../../src/model/methods/faprompt/faprompt.ts';
import { writePrompts } from '../../src/model/methods/prompts-file.ts';
import { pretrainWords } from '../../src/train/pretrain/settings.ts';
import { built } from '../built.ts';

const words = pretrainWords();
const config = clipConfig({
  ...{ visionWidth: 64, visionLayers: 2, patch: 16, grid: 4 },
  ...{ textWidth: 64, textLayers: 2, contextLength: 32, vocabSize: words.length + 2, embedDim: 32 },
});

/** A folder with CLIP and prompts under the names of those that ship, and the words of other CLIPs; the prompts are untrained and see 96 pixels, as those do. */
export const tinyWeights = (): Promise<string> =>
  built('tiny-weights', async (folder) => {
    const clip = writeSafetensors(randomClipWeights(config, 1), wordListMetadata(words));
    const options = { ...presets.topm, prompts: 4 };
    const prompts = writePrompts(
      {
        method: faprompt('faprompt', 'FAPrompt', options),
        learnables: initialLearnables(learnableShapes(options, config), createRandom(3)),
        clip: createHash('sha256').update(clip).digest('hex'),
        imageSize: 96,
        dualLayers: defaultDualLayers(config),
        training: { seed: 3 },
      },
      config,
    );
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'small-clip.safetensors'), clip);
    await writeFile(path.join(folder, 'small-prompts.safetensors'), prompts);
    await copyFile('weights/clip-merges.txt.gz', path.join(folder, 'clip-merges.txt.gz'));
  });
