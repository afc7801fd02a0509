// The view "Train".
import { computed, effect, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { fill, h } from '../core/dom.ts';
import { download } from '../core/download.ts';
import {
  acceptDrops,
  acceptPastes,
  chosenFiles,
  droppedFiles,
  imagesAmong,
  type Taken,
} from '../core/files.ts';
import { icon } from '../core/icons.ts';
import { notice } from '../core/notice.ts';
import { filePicker } from '../core/picker.ts';
import { progressCard } from '../core/progress.ts';
import type { Engine } from '../engine/engine.ts';
import { explain } from '../engine/problems.ts';
import { gallery } from './gallery.ts';
import { generateItems } from './generated.ts';
import { createItems, kindOf } from './items.ts';
import { createMonitor } from './monitor.ts';
import { createRun, type RunEvents } from './run.ts';
import { settingsForm } from './settings.ts';

export function trainView(engine: Engine, active: () => boolean): HTMLElement {
  const items = createItems();
  const run = createRun(engine);
  const monitor = createMonitor(run);
  const settings = settingsForm();
  const notes = signal<readonly string[]>([]);
  const note = (text: string) => {
    notes.value = [...notes.value, text];
  };

  async function take(taken: Taken): Promise<void> {
    try {
      // Single images are normal until a mask is painted.
      if (taken.paths.some((path) => path.includes('/'))) {
        // Loaded when wanted: it knows every layout of the field.
        const { readFolder } = await import('./folder.ts');
        const { items: found, notes: said } = await readFolder(taken);
        items.add(found);
        notes.value = said;
        announce(said.join(' '));
      } else items.add(imagesAmong(taken.files).map((image) => ({ name: image.name, image })));
    } catch (error) {
      notes.value = [explain(error).detail];
    }
  }

  const events: RunEvents = {
    step: ({ step, losses }) => monitor.curve.add(step, losses.total!),
    map: monitor.draw,
    problem: note,
  };
  const start = (more = false) => {
    const state = run.state.peek();
    const checkpoint = more && state.kind === 'done' ? state.result.checkpoint : undefined;
    const chosen = settings.read();
    const epochs = chosen.epochs + (more && state.kind === 'done' ? state.result.epochs : 0);
    if (!more) monitor.curve.clear();
    notes.value = [];
    run.start(items.all.peek(), { ...chosen, epochs }, events, checkpoint);
  };

  const busy = computed(() => ['running', 'paused', 'stopping'].includes(run.state.value.kind));
  const usable = computed(() => items.all.value.map(kindOf).filter((kind) => kind !== 'unusable'));
  const startButton = h(
    'button',
    { type: 'button', class: 'button primary', onclick: () => start() },
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
      'Drop a folder of images and masks, in the layout of MVTec AD or another known one, or single images.',
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
        { type: 'button', class: 'button', onclick: async () => items.add(await generateItems()) },
        'Use generated images',
      ),
    ),
  );
  const clear = h(
    'button',
    { type: 'button', class: 'button quiet-button', onclick: items.clear },
    'Remove all',
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
        h(
          'section',
          { class: 'card', 'aria-labelledby': 'images-heading' },
          h('div', { class: 'row spread' }, h('h2', { id: 'images-heading' }, 'Images'), clear),
          sources,
          messages,
          gallery(items),
        ),
        h(
          'section',
          { class: 'card', 'aria-labelledby': 'settings-heading' },
          h('h2', { id: 'settings-heading' }, 'Settings'),
          settings.element,
          h('div', { class: 'row' }, startButton, why),
        ),
      ),
      h('div', { class: 'stack' }, progressCard(engine.activity, engine.cancel), outcome, monitor.element),
    ),
  );

  effect(() => {
    const defects = usable.value.filter((kind) => kind === 'defect').length;
    startButton.disabled = busy.value || defects === 0;
    why.textContent = busy.value
      ? ''
      : usable.value.length === 0
        ? 'Add images first.'
        : defects === 0
          ? 'At least one image needs a mask: select it and paint.'
          : '';
    clear.hidden = items.all.value.length === 0;
    sources.toggleAttribute('inert', busy.value);
  });
  effect(() => {
    fill(messages, ...notes.value.map((text) => h('p', { class: 'note quiet' }, text)));
  });
  effect(() => {
    const state = run.state.value;
    fill(
      outcome,
      state.kind === 'failed' &&
        notice({
          title: state.problem.title,
          text: state.problem.detail,
          hint: state.problem.hint,
          actions: [{ label: 'Start again', act: start }],
        }),
      state.kind === 'done' && done(state.result.prompts, state.result.steps, state.result.finished),
    );
  });

  function done(prompts: Uint8Array<ArrayBuffer>, steps: number, finished: boolean): HTMLElement {
    const label = `Trained here, ${steps} steps`;
    announce('Training has ended');
    return h(
      'section',
      { class: 'card outcome', 'aria-label': 'Trained prompts' },
      h('h2', {}, finished ? 'Prompts are ready' : 'Stopped, prompts kept'),
      h(
        'p',
        { class: 'quiet' },
        `${steps} steps. The command line reads this file too: faprompt detect --prompts prompts.safetensors.`,
      ),
      h(
        'div',
        { class: 'row' },
        h(
          'button',
          {
            type: 'button',
            class: 'button primary',
            onclick: () =>
              download('prompts.safetensors', new Blob([prompts], { type: 'application/octet-stream' })),
          },
          icon('download'),
          'Download prompts',
        ),
        h(
          'button',
          {
            type: 'button',
            class: 'button',
            onclick: async () => {
              await engine.use({ ...engine.choice.peek(), prompts: { label, source: prompts } });
              location.hash = '#inspect';
            },
          },
          'Inspect with them',
        ),
        h('button', { type: 'button', class: 'button', onclick: () => start(true) }, 'Train on'),
      ),
    );
  }

  acceptDrops(view, async (data) => take(await droppedFiles(data)));
  acceptPastes((files) => items.add(files.map((image) => ({ name: image.name, image }))), active);
  return view;
}
