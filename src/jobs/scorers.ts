// Scorers of a method for the classes of a data set.
import path from 'node:path';
import { type BoxFile, readBoxes } from '../model/methods/filo/boxes.ts';
import type { Method } from '../model/methods/method.ts';
import { type Prompts, promptsNeeds } from '../model/methods/prompts-file.ts';
import type { Learned, Scorer } from '../model/scorer.ts';
import type { ImageSettings } from './image-settings.ts';
import { type Io, UsageError } from './io.ts';
import { readOption } from './option-file.node.ts';
import type { ClipSession } from './session.ts';
import { openTokenizer } from './vocabulary.ts';

/** The scorers of a data set's classes. */
export interface ClassScorers {
  of(className: string): Promise<Scorer>;
  dispose(): void;
}

export interface ScorerChoice {
  /** What was learned, of a method that learns. */
  readonly learned?: Learned | undefined;
  /** CLIP's vocabulary, for prompts that name classes; default: beside the weights. */
  readonly vocabulary?: string | undefined;
  /** A detector's boxes, for methods that use them. */
  readonly boxes?: BoxFile | undefined;
}

/** The boxes of a file. @throws UsageError where the method has no use for any */
export async function openBoxes(
  { method, tiles }: Pick<Prompts, 'method' | 'tiles'>,
  file: string | undefined,
): Promise<BoxFile | undefined> {
  if (file === undefined) return undefined;
  if (tiles) throw new UsageError('--boxes: not with --tiles, as they are of whole images');
  if (!method.usesBoxes) throw new UsageError(`--boxes: only for FiLO, found ${method.title}`);
  return readBoxes(await readOption('--boxes', file), file);
}

/** The tokenizer for any text, opened when it is asked for. */
export const tokenizerOf =
  ({ clip, files }: ClipSession, vocabulary: string | undefined) =>
  () =>
    openTokenizer(clip, vocabulary, path.dirname(files[0]!));

/** One scorer for each class, or for all where the prompts do not name the class. Says which phrases are left out. */
export function methodScorers(
  io: Io,
  session: ClipSession,
  { method, imageSize, needs }: ImageSettings & { readonly method: Method },
  { learned, vocabulary, boxes }: ScorerChoice = {},
): ClassScorers {
  const { gpu, clip } = session;
  const made = new Map<string, Scorer>();
  const tokenizer = tokenizerOf(session, vocabulary);
  return {
    async of(className) {
      const key = method.namesClass ? className : '';
      const known = made.get(key);
      if (known) return known;
      const scorer = await method.scorer({
        gpu,
        clip,
        size: imageSize,
        needs,
        className,
        tokenizer,
        learned,
        boxes,
      });
      made.set(key, scorer);
      const dropped = scorer.dropped ?? [];
      if (dropped.length > 0)
        io.note(
          `${method.name}: ${dropped.length} phrases are left out, as the CLIP's vocabulary lacks a word ("${dropped[0]}")`,
        );
      return scorer;
    },
    dispose() {
      for (const scorer of made.values()) scorer.dispose();
    },
  };
}

/** The same of trained prompts. */
export const promptsScorers = (
  io: Io,
  session: ClipSession,
  prompts: Prompts,
  { vocabulary, boxes }: Omit<ScorerChoice, 'learned'> = {},
): ClassScorers =>
  methodScorers(
    io,
    session,
    {
      method: prompts.method,
      imageSize: prompts.imageSize,
      needs: promptsNeeds(prompts, session.clip.config),
    },
    { learned: prompts.learnables, vocabulary, boxes },
  );
