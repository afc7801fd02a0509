// The view "Train".
import { computed, effect, type ReadonlySignal } from '@preact/signals-core';
import { h } from '../core/dom.ts';
import { acceptDrops, acceptPastes, droppedFiles } from '../core/files.ts';
import { askBeforeLeaving } from '../core/leaving.ts';
import { progressCard } from '../core/progress.ts';
import type { Engine } from '../engine/engine.ts';
import { createComparison } from './compare.ts';
import { imagesCard } from './images-card.ts';
import { createIntake } from './intake.ts';
import { createMonitor } from './monitor.ts';
import { outcomes } from './outcome.ts';
import { createRun } from './run.ts';
import { settingsForm } from './settings.ts';
import { createStart, startRow } from './start.ts';
import type { TrainWork } from './work.ts';

export function trainView(engine: Engine, work: TrainWork, active: () => boolean): HTMLElement {
  const run = createRun(engine, work.outcome, work.unfinished);
  const monitor = createMonitor(run);
  const settings = settingsForm();
  const comparison = createComparison(engine, run.outcome, run.busy);
  const intake = createIntake(work.items, run.busy);
  const parts = { work, run, settings, monitor, comparison };
  const start = createStart(parts, intake.note);
  const nothingYet = computed(
    () =>
      run.state.value.kind === 'idle' &&
      run.outcome.value === undefined &&
      work.unfinished.value === undefined,
  );
  const view = h(
    'div',
    { class: 'train' },
    h(
      'header',
      { class: 'view-head' },
      h('h1', { tabindex: -1 }, 'Train prompts'),
      h(
        'p',
        { class: 'lead' },
        'Show the model images with and without defects. It learns prompts: a small file that tells it what a defect is, here and in the command line.',
      ),
    ),
    h(
      'div',
      { class: 'train-columns' },
      h(
        'div',
        { class: 'stack' },
        imagesCard(work.items, intake, run.busy),
        h(
          'section',
          { class: 'card', 'aria-labelledby': 'settings-heading' },
          h('h2', { id: 'settings-heading' }, 'Settings'),
          settings.element,
          startRow(parts, intake.looking, start),
        ),
      ),
      h(
        'div',
        { class: 'stack' },
        progressCard(engine.activity, engine.cancel),
        howItGoes(nothingYet),
        outcomes(engine, parts, { start, note: intake.note }),
        monitor.element,
        comparison.element,
      ),
    ),
  );
  // As they were at the last visit, or in a project.
  effect(() => {
    if (work.settings.value) settings.write(work.settings.value);
  });
  // A reload would lose what was learnt so far.
  askBeforeLeaving(() => run.busy.peek());
  acceptDrops(view, async (data) => intake.take(await droppedFiles(data)));
  acceptPastes((files) => intake.take({ files, paths: files.map(({ name }) => name) }), active);
  return view;
}

/** @param wanted until there is something of a run to be seen beside the images */
function howItGoes(wanted: ReadonlySignal<boolean>): HTMLElement {
  const card = h(
    'section',
    { class: 'card', 'aria-labelledby': 'steps-heading' },
    h('h2', { id: 'steps-heading' }, 'How it goes'),
    h(
      'ol',
      { class: 'steps' },
      ...[
        'Add images: some without a defect, some with one.',
        'Mark the defects where no mask comes with the image: select it and paint.',
        'Start. The loss and the map of an image show here what is learnt; you can pause, stop early, or go on later.',
        'Some images are set aside: they show what the prompts are worth, beside those before.',
        'Inspect with the prompts, or download them.',
      ].map((text) => h('li', {}, text)),
    ),
  );
  effect(() => {
    card.hidden = !wanted.value;
  });
  return card;
}
