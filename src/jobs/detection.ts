// Scores and maps of image files: a batch is encoded and scored while the next one is read and decoded.

import { createBudget } from '../base/budget.ts';
import { createQueue, prefetch } from '../base/prefetch.ts';
import type { TileOptions } from '../base/tile-options.ts';
import { type AnomalyMap, squareMap } from '../data/heatmap.ts';
import { blendTiles, imageTiles, type TileBlend } from '../data/tiles.ts';
import { createPromptScorer, type PromptDetection, type PromptScorer } from '../model/faprompt/per-prompt.ts';
import { ScoreError } from '../model/faprompt/verdict.ts';
import { severalPrompts } from '../model/methods/faprompt/per-prompt.ts';
import type { Prompts } from '../model/methods/prompts-file.ts';
import type { Scorer } from '../model/scorer.ts';
import type { FeatureSource } from '../train/features/source.ts';
import { isImageProblem } from '../train/images.ts';
import type { ImageProblem } from '../train/source.ts';
import { type Io, UsageError } from './io.ts';
import { openBoxes, promptsScorers } from './scorers.ts';
import { createScoring } from './scoring.ts';
import type { ClipSession } from './session.ts';

export interface Detector {
  /** In the order of `items`; an image that cannot be read or scored yields its problem. */
  detect<Item>(items: Iterable<Item>, file: (item: Item) => string): AsyncGenerator<Outcome<Item>>;
  /** The same, and what `finish` makes of each, for several at the same time. @throws what `finish` throws */
  detect<Item, Finished>(
    items: Iterable<Item>,
    file: (item: Item) => string,
    finish: (outcome: Outcome<Item>) => Promise<Finished>,
  ): AsyncGenerator<Finished>;
  dispose(): void;
}

export type Outcome<Item> = Found<Item> | Unread<Item> | Unscored<Item>;

export interface Found<Item> {
  readonly item: Item;
  readonly score: number;
  /** Square, squashed as the image was; of tiles with the image's aspect. */
  readonly map: AnomalyMap;
  /** Size of the image itself. */
  readonly width: number;
  readonly height: number;
  /** Each abnormality prompt alone, where that was asked for. */
  readonly prompts?: readonly PromptDetection[] | undefined;
}

/** An image that could not be read. */
export interface Unread<Item> extends ImageProblem {
  readonly item: Item;
}

/** An image whose score means nothing. */
export interface Unscored<Item> {
  readonly item: Item;
  readonly file: string;
  readonly problem: ScoreError;
}

export const perPromptInTiles =
  '--per-prompt: not with --tiles, nor with prompts that say tiles (--no-tiles)';

/** A detector with trained prompts. @param object what the images show, for prompts that name it */
export const createDetector = async (
  io: Io,
  session: ClipSession,
  { prompts, features }: { readonly prompts: Prompts; readonly features: FeatureSource },
  {
    object = 'object',
    vocabulary,
    boxes,
    perPrompt = false,
  }: {
    object?: string | undefined;
    vocabulary?: string | undefined;
    boxes?: string | undefined;
    perPrompt?: boolean | undefined;
  } = {},
): Promise<Detector> => {
  if (perPrompt && prompts.tiles) throw new UsageError(perPromptInTiles);
  return detectWith(
    await promptsScorers(io, session, prompts, {
      vocabulary,
      boxes: await openBoxes(prompts, boxes),
    }).of(object),
    features,
    perPrompt ? await openPromptScorer(session, prompts) : undefined,
  );
};

/** @throws UsageError for prompts that are not several of FAPrompt's */
async function openPromptScorer({ gpu, clip }: ClipSession, { method, learnables, imageSize }: Prompts) {
  const options = severalPrompts(method);
  if (!options)
    throw new UsageError(
      `--per-prompt: expected prompts of FAPrompt with K of 2 or more, found ${method.title}`,
    );
  return createPromptScorer({ gpu, clip, size: imageSize }, options, learnables);
}

/** A detector that scores by any method; disposes of the scorer with itself. */
export function detectWith(scorer: Scorer, features: FeatureSource, promptScorer?: PromptScorer): Detector {
  const scoring = createScoring(scorer, features.batch);
  const alone = createBudget(1);
  const whole = <Item>(item: Item, file: string): Promise<Found<Item>> =>
    features.use(file, async ({ features: found, width, height }) => {
      const { score, map } = await scoring(found, file);
      const prompts = promptScorer && (await alone.run(1, () => promptScorer.score(found, file)));
      return { item, score, map: squareMap(map), width, height, prompts };
    });
  const inTiles = async <Item>(item: Item, file: string, options: TileOptions): Promise<Found<Item>> => {
    let blend: TileBlend | undefined;
    const inTurn = createQueue(); // sums depend on their order
    const layout = (image: { readonly width: number; readonly height: number }) => {
      const tiles = imageTiles(image, options, file);
      blend = blendTiles(image, tiles, options);
      return tiles;
    };
    const { width, height } = await features.useTiles(file, layout, (found, tile) => {
      const scored = scoring(found, file);
      scored.catch(() => {}); // reported in its turn
      return inTurn(async () => {
        const { score, map } = await scored;
        blend!.add(tile, { score, map: squareMap(map) });
      });
    });
    return { item, ...blend!.result(), width, height };
  };
  const score = async <Item>(item: Item, file: string): Promise<Outcome<Item>> => {
    try {
      return await (features.tiles ? inTiles(item, file, features.tiles) : whole(item, file));
    } catch (problem) {
      if (problem instanceof ScoreError || isImageProblem(problem)) return { item, file, problem };
      throw problem;
    }
  };
  return {
    detect: <Item, Finished>(
      items: Iterable<Item>,
      file: (item: Item) => string,
      finish: (outcome: Outcome<Item>) => Promise<Finished> = async (outcome) => outcome as Finished,
    ) => prefetch(items, async (item) => finish(await score(item, file(item))), features.ahead),
    dispose() {
      scorer.dispose();
      promptScorer?.dispose();
    },
  };
}
