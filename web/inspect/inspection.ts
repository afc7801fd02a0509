// What the view works on: photographs, how they come out and are shown, what went wrong; and what is done with them.
import { effect, type Signal, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { leftOut, sortFiles } from '../core/files.ts';
import { currentThumbnail, rescueFocus, visibleHeading } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { keeping, onTakeOver } from '../core/keep.ts';
import { askBeforeLeaving } from '../core/leaving.ts';
import { offerUndo } from '../core/undo.ts';
import type { Engine } from '../engine/engine.ts';
import { explain, type Problem } from '../engine/problems.ts';
import { createDetect, type Detect } from './detect.ts';
import { createDisplay, type Display, keepDisplay, restoreDisplay } from './display.ts';
import { createEachPrompt, type EachPrompt } from './each-prompt.ts';
import type { Context } from './exports.ts';
import { createJudging, type Judging } from './judged.ts';
import type { Refused } from './messages.ts';
import type { Photo } from './photo.ts';
import { createPhotos, type Photos } from './photos.ts';
import { createQueue, type Queue } from './queue.ts';
import { createShown, type Shown } from './shown.ts';

export interface Inspection {
  readonly engine: Engine;
  readonly photos: Photos;
  readonly display: Display;
  readonly judging: Judging;
  readonly detect: Detect;
  readonly queue: Queue;
  readonly shown: Shown;
  readonly each: EachPrompt;
  /** Concerns all photographs. */
  readonly problem: Signal<Problem | undefined>;
  /** Files that were left out. */
  readonly refused: Signal<Refused | undefined>;
}

export function createInspection(engine: Engine): Inspection {
  const photos = createPhotos(engine.scoring);
  askBeforeLeaving(() => keeping.peek() !== 'here' && photos.all.peek().length > 0);
  const display = createDisplay();
  const judging = createJudging(engine);
  const problem = signal<Problem | undefined>(undefined);
  const refused = signal<Refused | undefined>(undefined);
  const detect = createDetect(engine);
  const queue = createQueue(photos, engine, detect, {
    onProblem(found) {
      problem.value = found;
    },
    summary: judging.summary,
  });
  const shown = createShown(photos, display, judging);
  const each = createEachPrompt(engine, photos);
  return { engine, photos, display, judging, detect, queue, shown, each, problem, refused };
}

/** As of now, for what is written into files. */
export const contextOf = ({ engine, ...inspection }: Inspection): Context => ({
  ...inspection,
  choice: engine.choice.peek(),
  info: engine.known.peek(),
  limit: engine.limit.peek(),
});

/** Takes files in and inspects them. */
export function take({ photos, queue, refused }: Inspection, files: Iterable<File>): void {
  const { images, others } = sortFiles(files);
  const left = leftOut(others);
  refused.value = left === undefined ? undefined : { title: 'Some files were left out', text: left };
  if (left) announce(left);
  photos.add(images);
  queue.start();
  rescueFocus(currentThumbnail, visibleHeading);
}

/** Takes photographs away, with a way back. */
export function remove({ photos, queue }: Inspection, some: readonly Photo[]): void {
  const name = some.length === 1 ? some[0]!.name : plural(some.length, 'photograph');
  const { undo, settle } = photos.remove(some);
  offerUndo(
    `${name} removed.`,
    () => {
      undo();
      queue.start();
    },
    settle,
  );
}

/** Looks at photographs in so many tiles, or whole; settles when that is so, or did not work. */
export async function lookIn({ engine, problem }: Inspection, tiles: number | false): Promise<void> {
  problem.value = undefined;
  try {
    await engine.use({ ...engine.choice.peek(), tiles });
  } catch (error) {
    const failed = explain(error);
    if (failed.kind !== 'stopped') problem.value = failed;
  }
}

/** Brings back what was kept, and from then on keeps and inspects anew what changes. */
export async function restore({ engine, photos, display, queue }: Inspection): Promise<void> {
  await Promise.all([engine.ready, restoreDisplay(display)]);
  await photos.restore();
  onTakeOver(photos.takeOver);
  // Another model sees other things, and so does a closer look.
  let seen = engine.choice.peek();
  effect(() => {
    const now = engine.choice.value;
    if (now === seen) return;
    seen = now;
    queue.again('all');
  });
  let first = true;
  effect(() => {
    for (const part of [display.view, display.opacity, display.threshold, display.outlines]) part.value;
    if (!first) void keepDisplay(display);
    first = false;
  });
}
