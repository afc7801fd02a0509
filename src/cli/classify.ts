// classify: plain CLIP, which of some texts describes an image.
import path from 'node:path';
import { Command } from 'commander';
import { readImage } from '../data/image.node.ts';
import { openClip } from '../model/checkpoint/open.node.ts';
import { loadClip, logitScale } from '../model/clip/weights.ts';
import {
  imageFeature,
  preprocessForZeroShot,
  textFeatures,
  textTokens,
  zeroShot,
} from '../model/clip/zero-shot.ts';
import { checkProbabilities } from '../model/faprompt/verdict.ts';
import { formatRows, type Io, UsageError } from './io.ts';
import { obtainWeights } from './models.ts';
import { openTokenizer, vocabularyNames } from './vocabulary.ts';

interface Given {
  readonly clip: string;
  readonly text: string[];
  readonly vocabulary?: string;
  readonly json?: boolean;
}

export const classifyCommand = (io: Io): Command =>
  new Command('classify')
    .description('say which of some texts describes an image (zero-shot, plain CLIP)')
    .argument('<image>', 'image file')
    .requiredOption('--clip <file>', 'weights file in any format, a folder, or a known name')
    .requiredOption('--text <texts...>', 'the texts, two or more')
    .option('--vocabulary <file>', `one of ${vocabularyNames.join(', ')}; default: beside the weights`)
    .option('--json', 'print as JSON')
    .action(async (image: string, { clip: name, text: texts, vocabulary, json }: Given) => {
      // The probability of one text is 1, whatever the image shows.
      if (new Set(texts).size < 2)
        throw new UsageError(`--text: expected two texts or more, found ${texts.length}`);
      const pixels = await readImage(image);
      const { file, files, close } = await openClip(await obtainWeights(io, name));
      try {
        const gpu = await io.openGpu();
        try {
          const clip = await loadClip(gpu, file);
          const tokenizer = await openTokenizer(clip, vocabulary, path.dirname(files[0]!));
          const input = await preprocessForZeroShot(gpu, clip, pixels);
          const feature = await imageFeature(gpu, clip, input);
          const tokens = texts.map((text) => textTokens(clip, tokenizer, text));
          const features = await textFeatures(gpu, clip, tokens);
          const { probabilities, cosines } = zeroShot(feature, features, await logitScale(file));
          checkProbabilities(probabilities, image);
          if (clip.metadata.has('notice')) io.note(`note: ${name}: ${clip.metadata.get('notice')}`);
          const results = texts.map((text, i) => ({
            text,
            probability: probabilities[i]!,
            cosine: cosines[i]!,
          }));
          io.out(
            json
              ? JSON.stringify(results)
              : formatRows(results.map(({ text, probability }) => [text, probability.toFixed(6)])),
          );
          clip.dispose();
        } finally {
          gpu.close();
        }
      } finally {
        await close();
      }
    });
