// classify: plain CLIP, which of some texts describes an image.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { readImage } from '../data/image.node.ts';
import { openClip } from '../model/checkpoint/open.node.ts';
import { createTokenizer, decodeVocabulary } from '../model/clip/bpe.ts';
import { preprocessCrop } from '../model/clip/preprocess.ts';
import { openaiVocabulary, type Tokenizer } from '../model/clip/tokenizer.ts';
import { type Clip, loadClip } from '../model/clip/weights.ts';
import { imageFeature, logitScale, textFeatures, textTokens, zeroShot } from '../model/clip/zero-shot.ts';
import { formatRows, type Io, UsageError } from './io.ts';
import { resolveWeights } from './models.ts';

interface Given {
  readonly clip: string;
  readonly text: string[];
  readonly vocabulary?: string;
  readonly json?: boolean;
}

/** Names under which the byte-pair merges are published: OpenAI's, and Hugging Face's. */
const vocabularyNames = ['bpe_simple_vocab_16e6.txt.gz', 'bpe_simple_vocab_16e6.txt', 'merges.txt'];

export const classifyCommand = (io: Io): Command =>
  new Command('classify')
    .description('say which of some texts describes an image (zero-shot, plain CLIP)')
    .argument('<image>', 'image file')
    .requiredOption('--clip <file>', 'weights file in any format, a folder, or a known name')
    .requiredOption('--text <texts...>', 'the texts, two or more')
    .option('--vocabulary <file>', `one of ${vocabularyNames.join(', ')}; default: beside the weights`)
    .option('--json', 'print as JSON')
    .action(async (image: string, { clip: name, text: texts, vocabulary, json }: Given) => {
      const pixels = await readImage(image);
      const { file, files, close } = await openClip(await resolveWeights(name));
      try {
        const gpu = await io.openGpu();
        try {
          const clip = await loadClip(gpu, file);
          const tokenizer = await fullTokenizer(clip, vocabulary, path.dirname(files[0]!));
          const input = await preprocessCrop(gpu, pixels, clip.config.imageResolution);
          const feature = await imageFeature(gpu, clip, input);
          const tokens = texts.map((text) => textTokens(clip, tokenizer, text));
          const features = await textFeatures(gpu, clip, tokens);
          const { probabilities, cosines } = zeroShot(feature, features, await logitScale(file));
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

/** The CLIP's own tokenizer knows the templates' words only, unless it is a word list. */
export async function fullTokenizer(
  clip: Clip,
  given: string | undefined,
  folder: string,
): Promise<Tokenizer> {
  if (clip.metadata.has('tokenizer')) return clip.tokenizer;
  if (clip.config.vocabSize !== openaiVocabulary.vocabSize) return clip.tokenizer;
  const file = given ?? vocabularyNames.map((name) => path.join(folder, name)).find(existsSync);
  if (file === undefined)
    throw new UsageError(
      `--vocabulary: expected CLIP's vocabulary (${vocabularyNames.join(', ')}), found none in ${folder}`,
    );
  return createTokenizer(await decodeVocabulary(new Uint8Array(await readFile(file))), file);
}
