// Scores and maps of image files, one after the other, while the next ones are being read.

import { createQueue, prefetch } from '../base/prefetch.ts';
import type { UsedBits } from '../data/image.ts';
import { ScoreError } from '../model/faprompt/verdict.ts';
import type { Prompts } from '../model/methods/prompts-file.ts';
import type { Detection, Scorer } from '../model/scorer.ts';
import type { FeatureSource } from '../train/features/features.node.ts';
import { isImageProblem } from '../train/images.node.ts';
import type { ImageProblem } from '../train/source.ts';
import type { Io } from './io.ts';
import { openBoxes, promptsScorers } from './scorers.ts';
import type { ClipSession } from './session.ts';

export interface Detector {
  /** In the order of `items`; an image that cannot be read or scored yields its problem. */
  detect<Item>(
    items: Iterable<Item>,
    file: (item: Item) => string,
  ): AsyncGenerator<Found<Item> | Unread<Item> | Unscored<Item>>;
  dispose(): void;
}

export interface Found<Item> {
  readonly item: Item;
  readonly detection: Detection;
  /** Size of the image itself. */
  readonly width: number;
  readonly height: number;
  /** Where its 16-bit samples use a part of their range, see data/image.ts. */
  readonly usedBits?: UsedBits | undefined;
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

const readAhead = 4;

/** A detector with trained prompts. @param object what the images show, for prompts that name it */
export const createDetector = async (
  io: Io,
  session: ClipSession,
  prompts: Prompts,
  features: FeatureSource,
  {
    object = 'object',
    vocabulary,
    boxes,
  }: {
    object?: string | undefined;
    vocabulary?: string | undefined;
    boxes?: string | undefined;
  } = {},
): Promise<Detector> =>
  detectWith(
    await promptsScorers(io, session, prompts, {
      vocabulary,
      boxes: await openBoxes(prompts.method, boxes),
    }).of(object),
    features,
  );

/** A detector that scores by any method; disposes of the scorer with itself. */
export function detectWith(scorer: Scorer, features: FeatureSource): Detector {
  const inTurn = createQueue();
  const score = async <Item>(
    item: Item,
    file: string,
  ): Promise<Found<Item> | Unread<Item> | Unscored<Item>> => {
    try {
      return await features.use(file, ({ features: found, width, height, usedBits }) =>
        inTurn(async () => ({ item, detection: await scorer.score(found, file), width, height, usedBits })),
      );
    } catch (problem) {
      if (problem instanceof ScoreError || isImageProblem(problem)) return { item, file, problem };
      throw problem;
    }
  };
  return {
    detect: (items, file) => prefetch(items, (item) => score(item, file(item)), readAhead),
    dispose: () => scorer.dispose(),
  };
}
