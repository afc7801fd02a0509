// What went wrong, above the photographs, and what can be done about it.
import { computed, effect, type ReadonlySignal, type Signal } from '@preact/signals-core';
import { fill, h } from '../core/dom.ts';
import { plural } from '../core/format.ts';
import { notice } from '../core/notice.ts';
import type { Engine } from '../engine/engine.ts';
import type { Problem } from '../engine/problems.ts';
import type { Photo } from './photo.ts';
import type { Photos } from './photos.ts';
import type { Queue } from './queue.ts';

export interface Troubles {
  /** Concerns all photographs. */
  readonly problem: ReadonlySignal<Problem | undefined>;
  /** Files that were left out. */
  readonly refused: Signal<Refused | undefined>;
}

export function messages(
  { all, selected }: Photos,
  engine: Engine,
  queue: Queue,
  { problem, refused }: Troubles,
): HTMLElement {
  const element = h('div', { class: 'messages' });
  const chooseModel = {
    label: 'Choose a model',
    act: () => {
      location.hash = '#model';
    },
  };
  const stopped = computed(() => all.value.filter(({ state }) => state.value.kind === 'stopped').length);
  effect(() => {
    const general = problem.value;
    const photo = selected.value;
    const current = photo?.state.value;
    fill(
      element,
      refusedNotice(refused),
      engine.device.value?.state === 'lost' &&
        notice({
          tone: 'warning',
          title: 'The graphics device was lost',
          text: 'The model is being loaded again.',
        }),
      general &&
        notice({
          ...general,
          actions: [{ label: 'Try again', act: () => queue.again('unfinished') }, chooseModel],
        }),
      current?.kind === 'failed' && notice(current.problem),
      !general && photo && stoppedNotice(photo, stopped.value, queue),
    );
  });
  return element;
}

/** Seen from any photograph but one under way: work that was stopped can be taken up again. @param left how many were stopped */
function stoppedNotice(photo: Photo, left: number, queue: Queue): HTMLElement | false {
  const { kind } = photo.state.value;
  if (left === 0 || kind === 'waiting' || kind === 'working') return false;
  const itself = { label: 'Inspect it', act: () => queue.again(photo) };
  const all = {
    label: left === 1 ? 'Inspect the one that is left' : `Inspect all ${left} that are left`,
    act: () => queue.again('unfinished'),
  };
  return kind === 'stopped'
    ? notice({
        tone: 'info',
        title: 'Stopped before this photograph was done',
        actions: left > 1 ? [itself, all] : [itself],
      })
    : notice({
        tone: 'info',
        title: `Stopped before ${plural(left, 'photograph')} ${left === 1 ? 'was' : 'were'} done`,
        actions: [all],
      });
}

/** Something that was not taken. */
export interface Refused {
  readonly title: string;
  readonly text: string;
}

/** Can be closed: it stops nothing. */
export const refusedNotice = (refused: Signal<Refused | undefined>): HTMLElement | false =>
  refused.value !== undefined &&
  notice({
    tone: 'warning',
    ...refused.value,
    actions: [
      {
        label: 'Close',
        act: () => {
          refused.value = undefined;
        },
      },
    ],
  });
