// The view "Inspect".
import { computed, effect, signal } from '@preact/signals-core';
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import { afterFrame, fill, h } from '../core/dom.ts';
import { acceptDrops, acceptPastes, droppedFiles, imagesAmong } from '../core/files.ts';
import { icon } from '../core/icons.ts';
import { notice } from '../core/notice.ts';
import { filePicker } from '../core/picker.ts';
import { progressCard } from '../core/progress.ts';
import type { Engine } from '../engine/engine.ts';
import type { Problem } from '../engine/problems.ts';
import { findRegions, type Region } from '../studio/regions.ts';
import { asMap } from '../studio/studio.ts';
import { cameraButton } from './camera.ts';
import { displayControls, viewSwitch } from './controls.ts';
import { createDisplay, heatSettings } from './display.ts';
import { saveNumbers, savePicture } from './exports.ts';
import { filmstrip } from './filmstrip.ts';
import { modelLine } from './model-line.ts';
import { createPhotos } from './photos.ts';
import { createQueue } from './queue.ts';
import { isSample } from './samples.ts';
import { createStage } from './stage.ts';
import { regionList, verdictCard } from './verdict.ts';
import { welcome } from './welcome.ts';

export function inspectView(engine: Engine, active: () => boolean): HTMLElement {
  const photos = createPhotos();
  const display = createDisplay();
  const problem = signal<Problem | undefined>(undefined);
  const queue = createQueue(photos, engine, (found) => {
    problem.value = found;
  });
  const take = (files: Iterable<File>) => {
    photos.add(imagesAmong(files));
    queue.start();
  };

  const state = computed(() => photos.selected.value?.state.value);
  const regions = signal<readonly Region[] | undefined>(undefined);
  const look = afterFrame((map: AnomalyMap, threshold: number) => {
    regions.value = findRegions(map, threshold);
  });
  effect(() => {
    const current = state.value;
    if (current?.kind !== 'done') {
      regions.value = undefined;
      return;
    }
    const map = asMap(current.detection);
    look(map, heatSettings(display, map).threshold);
  });
  const unfamiliar = computed(() => {
    const photo = photos.selected.value;
    return photo !== undefined && engine.choice.value.clip.generatedOnly === true && !isSample(photo.file);
  });
  const highlighted = signal<number | undefined>(undefined);
  const context = () => ({ display, choice: engine.choice.value, info: engine.info.value });

  const save = h(
    'div',
    { class: 'row' },
    h(
      'button',
      { type: 'button', class: 'button', onclick: () => savePicture(photos.selected.value!, context()) },
      icon('download'),
      h('span', { class: 'visually-hidden' }, 'Save '),
      'Picture',
      h('span', { class: 'quiet' }, 'PNG'),
    ),
    h(
      'button',
      { type: 'button', class: 'button', onclick: () => saveNumbers([photos.selected.value!], context()) },
      icon('download'),
      h('span', { class: 'visually-hidden' }, 'Save '),
      'Numbers',
      h('span', { class: 'quiet' }, 'JSON'),
    ),
  );
  const saveAll = h(
    'button',
    { type: 'button', class: 'button quiet-button', onclick: () => saveNumbers(photos.all.value, context()) },
    'Save numbers of all photographs',
  );
  const results = h(
    'div',
    { class: 'stack' },
    verdictCard(photos.selected, regions, engine, unfamiliar, h('div', { class: 'save' }, save, saveAll)),
    regionList(regions, highlighted),
    displayControls(display),
  );
  const messages = h('div', { class: 'messages' });
  const workbench = h(
    'div',
    { class: 'workbench' },
    h(
      'div',
      { class: 'toolbar' },
      h('h1', { class: 'visually-hidden', tabindex: -1 }, 'Inspect'),
      viewSwitch(display),
      h(
        'div',
        { class: 'row' },
        filePicker({ label: 'Add', icon: 'plus', accept: 'image/*', multiple: true }, (input) =>
          take(input.files!),
        ),
        cameraButton((photograph) => take([photograph]), true),
        h(
          'button',
          {
            type: 'button',
            class: 'button',
            onclick: () => {
              engine.cancel();
              photos.clear();
            },
          },
          'Start over',
        ),
      ),
    ),
    h(
      'div',
      { class: 'stage-column' },
      createStage({ photo: photos.selected, display, regions, highlighted }),
      progressCard(engine.activity, engine.cancel),
      messages,
      filmstrip(photos),
    ),
    h('aside', { class: 'side', 'aria-label': 'Result' }, results, modelLine(engine)),
  );
  const empty = welcome(take);
  const view = h('div', { class: 'inspect' }, empty, workbench);

  effect(() => {
    const none = photos.all.value.length === 0;
    empty.hidden = !none;
    workbench.hidden = none;
  });
  effect(() => {
    results.hidden = state.value?.kind !== 'done';
    saveAll.hidden = photos.all.value.length < 2;
  });
  effect(() => {
    const general = problem.value;
    const current = state.value;
    const device = engine.device.value;
    fill(
      messages,
      device?.state === 'lost' &&
        notice({
          tone: 'warning',
          title: 'The graphics device was lost',
          text: 'The model is being loaded again.',
        }),
      general &&
        notice({
          title: general.title,
          text: general.detail,
          hint: general.hint,
          actions: [
            { label: 'Try again', act: () => queue.again('unfinished') },
            {
              label: 'Choose a model',
              act: () => {
                location.hash = '#model';
              },
            },
          ],
        }),
      current?.kind === 'failed' &&
        notice({ title: current.problem.title, text: current.problem.detail, hint: current.problem.hint }),
      !general &&
        current?.kind === 'stopped' &&
        notice({
          tone: 'info',
          title: 'Stopped before this photograph was done',
          actions: [{ label: 'Inspect it', act: () => queue.again('unfinished') }],
        }),
    );
  });
  // Another model sees other things.
  let seen = engine.choice.peek();
  effect(() => {
    if (engine.choice.value === seen) return;
    seen = engine.choice.value;
    queue.again('all');
  });
  // On the fixed scale such a map shows nothing, or everything.
  effect(() => {
    if (engine.info.value?.clip.notice || unfamiliar.value) display.stretch.value = true;
  });

  acceptDrops(view, async (data) => take((await droppedFiles(data)).files));
  acceptPastes(take, active);
  return view;
}
