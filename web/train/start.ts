// How a run begins, and the button for it, which waits for images.
import { computed, effect } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { h } from '../core/dom.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { icon } from '../core/icons.ts';
import type { Comparison } from './compare.ts';
import type { Intake } from './intake.ts';
import { kindOf } from './items.ts';
import type { Monitor } from './monitor.ts';
import type { Run, RunEvents } from './run.ts';
import type { SettingsForm } from './settings.ts';
import type { TrainWork } from './work.ts';

/** Anew, on from the last outcome, or on with a run that did not come to its end. */
export type Start = (how: 'anew' | 'on' | 'resumed') => Promise<void>;

/** What a run is begun with, and what shows it. */
export interface RunParts {
  readonly work: TrainWork;
  readonly run: Run;
  readonly settings: SettingsForm;
  readonly monitor: Monitor;
  readonly comparison: Comparison;
}

/** @param note says which image could not be used */
export function createStart(
  { work, run, settings, monitor, comparison }: RunParts,
  note: (text: string) => void,
): Start {
  const events: RunEvents = {
    step: ({ step, losses }) => monitor.curve.add(step, losses.total!),
    map: monitor.draw,
    problem: note,
  };
  return async (how) => {
    const chosen = settings.read();
    const cut = work.unfinished.peek();
    if (how !== 'resumed') work.settings.value = chosen;
    if (how === 'anew') monitor.curve.clear();
    comparison.clear();
    const last = run.outcome.peek();
    rescueFocus(() => monitor.element.querySelector('button:not([hidden])'));
    announce('Training begins.');
    if (how === 'resumed' && cut) await run.resume(cut, events);
    else if (how === 'on') await run.more(chosen.epochs, events);
    else await run.start(work.items.all.peek(), chosen, events);
    const now = run.outcome.peek();
    const { kind } = run.state.peek();
    rescueFocus(() => document.querySelector('.outcome .button'), visibleHeading);
    if (kind === 'idle') announce('Stopped before the first step: nothing was learnt.');
    else if (kind !== 'failed') announce('Training has ended.');
    if (now && now !== last) await comparison.check(now);
  };
}

/** The button, and beside it what it waits for. */
export function startRow({ work, run }: RunParts, looking: Intake['looking'], start: Start): HTMLElement {
  const button = h(
    'button',
    { type: 'button', class: 'button primary', onclick: () => start('anew') },
    icon('play'),
    'Start training',
  );
  const why = h('p', { class: 'quiet', role: 'status' });
  const kinds = computed(() => work.items.all.value.map(kindOf));
  effect(() => {
    const defects = kinds.value.includes('defect');
    button.disabled = run.busy.value || !defects || looking.value > 0;
    why.textContent = run.busy.value
      ? ''
      : looking.value > 0
        ? 'Looking at the images.'
        : !defects && !kinds.value.includes('normal')
          ? 'Add images first.'
          : !defects
            ? 'At least one image needs a mask: select it and paint.'
            : work.unfinished.value
              ? 'The training that did not come to its end can go on, too.'
              : '';
  });
  return h('div', { class: 'row' }, button, why);
}
