// classify: plain CLIP, which of some texts describes an image.
import path from 'node:path';
import { Command, Option } from 'commander';
import { readImage } from '../data/image.node.ts';
import { choosePrompts } from '../jobs/choice.ts';
import { classifyByTexts } from '../jobs/classify.ts';
import { createDetector } from '../jobs/detection.ts';
import { formatRows, type Io, UsageError } from '../jobs/io.ts';
import { openFeatures, promptsSettings, withClip } from '../jobs/session.ts';
import { openTokenizer, vocabularyNames } from '../jobs/vocabulary.ts';
import { writtenMethods } from '../model/methods/named.ts';

interface Given {
  readonly clip: string;
  readonly text?: string[];
  readonly method?: string;
  readonly object?: string;
  readonly vocabulary?: string;
  readonly json?: boolean;
}

export const classifyCommand = (io: Io): Command =>
  new Command('classify')
    .description('say which of some texts describes an image (zero-shot, plain CLIP)')
    .argument('<image>', 'image file')
    .requiredOption('--clip <file>', 'weights file in any format, a folder, or a known name')
    .option('--text <texts...>', 'the texts, two or more')
    .addOption(
      new Option(
        '--method <name>',
        "instead of texts: whether the image is anomalous, by a method's prompts",
      ).choices(writtenMethods.map(({ name }) => name)),
    )
    .option('--object <name>', 'with --method: what the image shows')
    .option('--vocabulary <file>', `one of ${vocabularyNames.join(', ')}; default: beside the weights`)
    .option('--json', 'print as JSON')
    .action(async (image: string, given: Given) => {
      if ((given.text === undefined) === (given.method === undefined))
        throw new UsageError('expected --text TEXTS (two or more) or --method NAME');
      if (given.object !== undefined && given.method === undefined)
        throw new UsageError('--object: only with --method');
      const results = await (given.text ? byTexts(io, image, given.text, given) : byMethod(io, image, given));
      io.out(
        given.json
          ? JSON.stringify(results)
          : formatRows(results.map(({ text, probability }) => [text, probability.toFixed(6)])),
      );
    });

interface Classified {
  readonly text: string;
  readonly probability: number;
  readonly cosine?: number;
}

/** Plain CLIP. */
async function byTexts(
  io: Io,
  image: string,
  texts: readonly string[],
  { clip: name, vocabulary }: Given,
): Promise<Classified[]> {
  // The probability of one text is 1, whatever the image shows.
  if (new Set(texts).size < 2)
    throw new UsageError(`--text: expected two texts or more, found ${texts.length}`);
  const pixels = await readImage(image);
  return withClip(io, name, async (session) => {
    const tokenizer = await openTokenizer(session.clip, vocabulary, path.dirname(session.files[0]!));
    return classifyByTexts(session, tokenizer, { image: pixels, name: image }, texts);
  });
}

/** The image score of a method, as `detect` gives it. */
const byMethod = (io: Io, image: string, { clip, ...given }: Given): Promise<Classified[]> =>
  withClip(io, clip, async (session) => {
    const { prompts } = await choosePrompts(io, session, given);
    const features = openFeatures(io, session, promptsSettings(session, prompts), {
      cache: false,
      cachePrecision: 'f32',
    });
    const detector = await createDetector(io, session, { prompts, features }, given);
    try {
      for await (const found of detector.detect([image], (file) => file)) {
        if ('problem' in found) throw found.problem;
        const { score } = found;
        return [
          { text: 'normal', probability: 1 - score },
          { text: 'anomalous', probability: score },
        ];
      }
      throw new Error('no result');
    } finally {
      detector.dispose();
      features.dispose();
    }
  });
