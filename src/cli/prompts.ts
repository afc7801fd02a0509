// `faprompt prompts`: whether abnormality prompts are diverse or copies of each other. The paper's figure 1.
import path from 'node:path';
import { Command } from 'commander';
import { checkOutputFolder, writeFileAtomic } from '../base/files.node.ts';
import { visible } from '../base/text.ts';
import { formatRows, type Io, UsageError } from '../jobs/io.ts';
import {
  type CacheOptions,
  type ClipSession,
  loadPrompts,
  openFeatures,
  promptsSettings,
  withClip,
} from '../jobs/session.ts';
import { laterOptions } from '../model/faprompt/option-checks.ts';
import type { FapromptOptions } from '../model/faprompt/options.ts';
import {
  createPromptEmbedder,
  likeness,
  type PromptEmbeddings,
  pairwiseCosines,
} from '../model/faprompt/prompt-embeddings.ts';
import { fapromptFamilyName } from '../model/methods/faprompt/faprompt.ts';
import { integer } from './arguments.ts';
import { addCacheOptions } from './cache-options.ts';
import { addOtherClipOption } from './choice-options.ts';

interface Given extends CacheOptions {
  readonly clip: string;
  readonly out?: string;
  readonly images?: readonly string[];
  readonly seed: number;
  readonly allowOtherClip?: boolean;
  readonly json?: boolean;
}

interface Embedded extends PromptEmbeddings {
  readonly file: string;
  readonly title: string;
  readonly images: readonly { readonly image: string; readonly abnormal: readonly Float32Array[] }[];
}

export const promptsCommand = (io: Io): Command => {
  const command = new Command('prompts')
    .description(
      'show whether abnormality prompts are diverse or copies: their cosines, and a picture (UMAP)',
    )
    .argument('<files...>', 'prompts.safetensors of training runs, of FAPrompt and its kin')
    .requiredOption('--clip <file>', 'the CLIP that they were trained on')
    .option('--out <dir>', 'folder for prompts.svg and prompts.json')
    .option('--images <files...>', 'also the prompts that each of these images makes by its prior')
    .option('--seed <n>', 'of the picture', integer(0), 0);
  addOtherClipOption(command);
  command.option('--json', 'print prompts.json instead of tables');
  addCacheOptions(command);
  return command
    .addHelpText(
      'after',
      '\nCosines are of the text features, n: the normal prompt, 1 to K: the abnormality prompts. Near 1: copies of each other.',
    )
    .action((files: string[], given: Given) => showPrompts(io, files, given));
};

async function showPrompts(io: Io, files: readonly string[], given: Given): Promise<void> {
  const { clip, out } = given;
  if (out !== undefined) await checkOutputFolder(out, '--out');
  const embedded = await withClip(io, clip, async (session) => {
    const all: Embedded[] = [];
    for (const file of files) all.push(await embed(io, session, file, given));
    return all;
  });
  const points = embedded.flatMap((each) => pointsOf(each, embedded.length > 1));
  // Loaded only here: the plots come with a large library.
  const { embeddingPlot, fewestPoints, placesOf } = await import('../report/embedding-plot.ts');
  const drawn = points.length >= fewestPoints;
  const places = drawn
    ? placesOf(
        points.map(({ vector }) => vector),
        given.seed,
      )
    : [];
  const results = {
    clip,
    seed: given.seed,
    prompts: embedded.map((each) => ({
      file: each.file,
      method: each.title,
      ...likeness(each),
      cosines: pairwiseCosines([each.normal, ...each.abnormal]),
      ...(each.images.length > 0
        ? {
            images: each.images.map(({ image, abnormal }) => ({
              image,
              ...likeness({ normal: each.normal, abnormal }),
              cosines: pairwiseCosines([each.normal, ...abnormal]),
            })),
          }
        : {}),
    })),
    picture: points.map(({ vector: _, ...point }, i) => ({
      ...point,
      ...(places[i] ? { x: places[i]![0], y: places[i]![1] } : {}),
    })),
  };
  io.out(given.json ? JSON.stringify(results) : describeAll(results.prompts));
  if (!drawn) io.note(`note: no picture: ${points.length} prompts, and ${fewestPoints} are the fewest`);
  if (out === undefined) return;
  await writeFileAtomic(path.join(out, 'prompts.json'), `${JSON.stringify(results, null, 2)}\n`);
  if (drawn) {
    const placed = points.map(({ label, group, kind }, i) => ({
      label,
      group,
      kind,
      x: places[i]![0],
      y: places[i]![1],
    }));
    await writeFileAtomic(path.join(out, 'prompts.svg'), await embeddingPlot(placed, 'Prompts, by UMAP'));
  }
  if (!given.json) io.out(visible(`${drawn ? 'prompts.svg, ' : ''}prompts.json: ${out}`));
}

/** @throws UsageError for prompts that are not FAPrompt's */
async function embed(io: Io, session: ClipSession, file: string, given: Given): Promise<Embedded> {
  const prompts = await loadPrompts(session, file, given.allowOtherClip);
  const { method, learnables, imageSize } = prompts;
  if (method.family !== fapromptFamilyName)
    throw new UsageError(`${file}: expected prompts of FAPrompt and its kin, found ${method.title}`);
  const options = { ...laterOptions, ...method.options } as FapromptOptions;
  if (given.images && !options.prior)
    throw new UsageError(`--images: expected prompts with a prior, found ${method.title} in ${file}`);
  const embedder = await createPromptEmbedder(
    { gpu: session.gpu, clip: session.clip, size: imageSize },
    options,
    learnables,
  );
  const images: { image: string; abnormal: Float32Array[] }[] = [];
  try {
    if (given.images) {
      const features = openFeatures(io, session, promptsSettings(session, prompts), given);
      try {
        for (const image of given.images)
          images.push({
            image,
            abnormal: await features.use(image, ({ features: found }) => embedder.adapt!(found)),
          });
      } finally {
        features.dispose();
      }
    }
    return {
      file,
      title: method.title,
      normal: embedder.normal,
      abnormal: embedder.abnormal,
      images,
    };
  } finally {
    embedder.dispose();
  }
}

interface Point {
  readonly label: string;
  readonly group: string;
  readonly kind: 'normal' | 'abnormal' | 'abnormal, of an image';
  readonly vector: Float32Array;
}

function pointsOf({ file, normal, abnormal, images }: Embedded, several: boolean): Point[] {
  const group = several ? file : 'prompts';
  const each = (vectors: readonly Float32Array[], kind: Point['kind'], of: string): Point[] =>
    vectors.map((vector, k) => ({ label: `${k + 1}`, group: of, kind, vector }));
  return [
    { label: 'n', group, kind: 'normal', vector: normal },
    ...each(abnormal, 'abnormal', group),
    ...images.flatMap(({ image, abnormal: own }) =>
      each(own, 'abnormal, of an image', several ? `${file}: ${image}` : image),
    ),
  ];
}

interface Described {
  readonly file: string;
  readonly method: string;
  readonly mean: number | null;
  readonly smallest: number | null;
  readonly largest: number | null;
  readonly withNormal: number;
  readonly cosines: readonly (readonly number[])[];
  readonly images?: readonly (Omit<Described, 'file' | 'method' | 'images'> & { readonly image: string })[];
}

const number = (value: number | null): string => (value === null ? '-' : value.toFixed(4));

function describeAll(all: readonly Described[]): string {
  const blocks = all.map(({ file, method, cosines, images = [], ...like }) => {
    const names = cosines.map((_, i) => (i === 0 ? 'n' : `${i}`));
    const table = formatRows([
      ['cosine', ...names],
      ...cosines.map((row, i) => [names[i]!, ...row.map((value) => value.toFixed(3))]),
    ]);
    const summary = formatRows([
      ['prompts', 'mean of pairs', 'smallest', 'largest', 'with the normal one'],
      ['without a prior', ...[like.mean, like.smallest, like.largest, like.withNormal].map(number)],
      ...images.map((own) => [
        visible(own.image),
        ...[own.mean, own.smallest, own.largest, own.withNormal].map(number),
      ]),
    ]);
    return `${visible(file)}: ${method}\n${table}\n\n${summary}`;
  });
  return blocks.join('\n\n');
}
