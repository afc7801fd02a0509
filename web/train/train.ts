// The view "Train".
import { computed, effect, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { fill, h } from '../core/dom.ts';
import { acceptDrops, acceptPastes, chosenFiles, droppedFiles, type Taken } from '../core/files.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { icon } from '../core/icons.ts';
import { askBeforeLeaving } from '../core/leaving.ts';
import { notice } from '../core/notice.ts';
import { filePicker } from '../core/picker.ts';
import { progressCard } from '../core/progress.ts';
import { offerUndo } from '../core/undo.ts';
import type { Engine } from '../engine/engine.ts';
import { explain } from '../engine/problems.ts';
import { createComparison } from './compare.ts';
import { gallery } from './gallery.ts';
import { generateItems } from './generated.ts';
import { kindOf, type NewItem, type TrainItem } from './items.ts';
import { createMonitor } from './monitor.ts';
import { outcomeCard, unfinishedCard } from './outcome.ts';
import { createRun, type RunEvents } from './run.ts';
import { settingsForm } from './settings.ts';
import type { TrainWork } from './work.ts';

export function trainView(engine: Engine, work: TrainWork, active: () => boolean): HTMLElement {
  const { items } = work;
  const run = createRun(engine, work.outcome, work.unfinished);
  const monitor = createMonitor(run);
  const settings = settingsForm();
  const busy = computed(() => ['running', 'paused', 'stopping'].includes(run.state.value.kind));
  const comparison = createComparison(engine, run.outcome, busy);
  const notes = signal<readonly string[]>([]);
  const note = (text: string) => {
    notes.value = [...notes.value, text];
    announce(text);
  };
  /** Images that are being looked at. */
  const looking = signal(0);

  async function add(found: readonly NewItem[], said: readonly string[] = []): Promise<void> {
    notes.value = [];
    said.forEach(note);
    looking.value += found.length;
    try {
      (await items.add(found)).forEach(note);
    } finally {
      looking.value -= found.length;
    }
  }
  async function take(taken: Taken): Promise<void> {
    if (busy.peek()) {
      announce('Images can be added when the training has ended.');
      return;
    }
    try {
      // Loaded when wanted: it knows every layout of the field.
      const { pairMasks, readFolder } = await import('./folder.ts');
      const read = taken.paths.some((path) => path.includes('/'))
        ? await readFolder(taken)
        : pairMasks(new Map(distinct(taken)));
      await add(read.items, read.notes);
    } catch (error) {
      const { detail } = explain(error);
      notes.value = [`This folder’s own list of images cannot be used: ${detail}`];
      announce(notes.value[0]!);
    }
  }
  const remove = (some: readonly TrainItem[]) => {
    const { undo, settle } = items.remove(some);
    offerUndo(`${some.length === 1 ? some[0]!.name : plural(some.length, 'image')} removed.`, undo, settle);
  };

  const events: RunEvents = {
    step: ({ step, losses }) => monitor.curve.add(step, losses.total!),
    map: monitor.draw,
    problem: note,
  };
  /** @param how anew, on from the last outcome, or on with a run that did not come to its end */
  async function start(how: 'anew' | 'on' | 'resumed'): Promise<void> {
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
    else await run.start(items.all.peek(), chosen, events);
    const now = run.outcome.peek();
    const { kind } = run.state.peek();
    rescueFocus(() => view.querySelector('.outcome .button'), visibleHeading);
    if (kind === 'idle') announce('Stopped before the first step: nothing was learnt.');
    else if (kind !== 'failed') announce('Training has ended.');
    if (now && now !== last) await comparison.check(now);
  }

  const usable = computed(() => items.all.value.map(kindOf));
  const startButton = h(
    'button',
    { type: 'button', class: 'button primary', onclick: () => start('anew') },
    icon('play'),
    'Start training',
  );
  const why = h('p', { class: 'quiet', role: 'status' });
  const messages = h('div', { class: 'messages' });
  const outcome = h('div', { class: 'stack' });
  const sources = h(
    'div',
    { class: 'drop small' },
    h(
      'p',
      {},
      'Drop a folder of images and masks, in the layout of MVTec AD or another known one, or single images (x.jpg, with x_mask.png as its mask).',
    ),
    h(
      'div',
      { class: 'row' },
      filePicker({ label: 'Choose a folder', icon: 'folder', folder: true }, (input) =>
        take(chosenFiles(input)),
      ),
      filePicker({ label: 'Add images', icon: 'images', accept: 'image/*', multiple: true }, (input) =>
        take(chosenFiles(input)),
      ),
      h(
        'button',
        { type: 'button', class: 'button', onclick: async () => add(await generateItems()) },
        'Use generated images',
      ),
    ),
  );
  const clear = h(
    'button',
    {
      type: 'button',
      class: 'button quiet-button',
      onclick: () => {
        remove(items.all.peek());
        rescueFocus(visibleHeading);
      },
    },
    'Remove all',
  );
  /** Until there is something of a run to be seen beside the images. */
  const steps = h(
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
  const pictures = gallery(items, (item) => remove([item]));
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
        h(
          'section',
          { class: 'card', 'aria-labelledby': 'images-heading' },
          h('div', { class: 'row spread' }, h('h2', { id: 'images-heading' }, 'Images'), clear),
          sources,
          messages,
          pictures,
        ),
        h(
          'section',
          { class: 'card', 'aria-labelledby': 'settings-heading' },
          h('h2', { id: 'settings-heading' }, 'Settings'),
          settings.element,
          h('div', { class: 'row' }, startButton, why),
        ),
      ),
      h(
        'div',
        { class: 'stack' },
        progressCard(engine.activity, engine.cancel),
        steps,
        outcome,
        monitor.element,
        comparison.element,
      ),
    ),
  );

  effect(() => {
    const kinds = usable.value;
    const defects = kinds.filter((kind) => kind === 'defect').length;
    const normal = kinds.filter((kind) => kind === 'normal').length;
    startButton.disabled = busy.value || defects === 0 || looking.value > 0;
    why.textContent = busy.value
      ? ''
      : looking.value > 0
        ? 'Looking at the images.'
        : defects + normal === 0
          ? 'Add images first.'
          : defects === 0
            ? 'At least one image needs a mask: select it and paint.'
            : work.unfinished.value
              ? 'The training that did not come to its end can go on, too.'
              : '';
    clear.hidden = items.all.value.length === 0 || busy.value;
    // What a run uses is not changed under its hands.
    sources.toggleAttribute('inert', busy.value);
    pictures.toggleAttribute('inert', busy.value);
  });
  effect(() => {
    steps.hidden =
      run.state.value.kind !== 'idle' ||
      run.outcome.value !== undefined ||
      work.unfinished.value !== undefined;
  });
  // As they were at the last visit, or in a project.
  effect(() => {
    if (work.settings.value) settings.write(work.settings.value);
  });
  // A reload would lose what was learnt so far.
  askBeforeLeaving(() => busy.peek());
  effect(() => {
    fill(messages, ...notes.value.map((text) => h('p', { class: 'note quiet' }, text)));
  });
  effect(() => {
    const state = run.state.value;
    const learnt = run.outcome.value;
    const cut = busy.value ? undefined : work.unfinished.value;
    fill(
      outcome,
      state.kind === 'failed' &&
        notice({
          ...state.problem,
          actions: [{ label: 'Start again', act: () => start('anew') }],
        }),
      cut &&
        unfinishedCard(
          cut,
          () => void start('resumed'),
          () => {
            work.unfinished.value = undefined;
            rescueFocus(visibleHeading);
            offerUndo('Unfinished run forgotten.', () => {
              work.unfinished.value = cut;
            });
          },
        ),
      learnt && !busy.value && outcomeCard(learnt, engine, failed, () => start('on')),
    );
  });
  function failed(error: unknown): void {
    const { title, text, hint } = explain(error);
    note([title, text, hint].filter(Boolean).join('. '));
  }

  acceptDrops(view, async (data) => take(await droppedFiles(data)));
  acceptPastes((files) => take({ files, paths: files.map(({ name }) => name) }), active);
  return view;
}

/** Several pastes are all called image.png. */
function distinct({ files, paths }: Taken): (readonly [string, File])[] {
  const seen = new Map<string, number>();
  return files.map((file, i) => {
    const path = paths[i]!;
    const times = seen.get(path) ?? 0;
    seen.set(path, times + 1);
    return [times === 0 ? path : `${path} (${times + 1})`, file] as const;
  });
}
