// The view "Inspect".
import { computed, effect, type Signal, signal } from '@preact/signals-core';
import { h } from '../core/dom.ts';
import { acceptDrops, acceptPastes, droppedFiles } from '../core/files.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { icon } from '../core/icons.ts';
import { filePicker } from '../core/picker.ts';
import { progressCard } from '../core/progress.ts';
import type { Engine } from '../engine/engine.ts';
import type { TrainWork } from '../train/work.ts';
import { calibrate } from './calibrate.ts';
import { cameraButton } from './camera.ts';
import { displayControls, viewSwitch } from './controls.ts';
import { eachPromptCard } from './each-prompt-card.ts';
import { saveNumbers, savePicture } from './exports.ts';
import { filmstrip } from './filmstrip.ts';
import { contextOf, createInspection, type Inspection, lookIn, remove, restore, take } from './inspection.ts';
import { limitCard } from './limit-card.ts';
import { messages } from './messages.ts';
import { modelLine } from './model-line.ts';
import { overview, photoKeys } from './overview.ts';
import type { Photo } from './photo.ts';
import { createStage, type ShownMap } from './stage.ts';
import { takeAlongCard } from './take-along.ts';
import { regionList, verdictCard } from './verdict.ts';
import { welcome } from './welcome.ts';

export function inspectView(engine: Engine, train: TrainWork, active: () => boolean): HTMLElement {
  const inspection = createInspection(engine);
  const { photos, display, refused } = inspection;
  const restored = restore(inspection);
  const bring = (files: Iterable<File>) => take(inspection, files);
  const live = async () => {
    const { liveView } = await import('./live.ts');
    await liveView(engine, display, bring);
  };
  const calibration = () => void calibrate(engine, photos, inspection.detect);
  const takeAlong = takeAlongCard(
    { engine, photos, train, restored },
    () => contextOf(inspection),
    (text) => {
      refused.value = { title: 'That did not work', text };
    },
  );
  const highlighted = signal<number | undefined>(undefined);
  const workbench = h(
    'div',
    { class: 'workbench' },
    toolbar(inspection, bring, live),
    stageColumn(inspection, highlighted),
    h(
      'aside',
      { class: 'side', 'aria-label': 'Result' },
      verdictCard(
        { photo: photos.selected, found: inspection.shown.found, active },
        inspection.judging,
        engine,
        saveButtons(inspection),
      ),
      limitCard(engine, calibration),
      details(inspection, highlighted),
      takeAlong.element,
      modelLine(engine),
    ),
  );
  const empty = welcome(refused, {
    take: bring,
    calibrate: calibration,
    openProject: takeAlong.openProject,
    live,
  });
  const view = h('div', { class: 'inspect' }, empty, workbench);
  effect(() => {
    const none = photos.all.value.length === 0;
    empty.hidden = !none;
    workbench.hidden = none;
  });

  photoKeys(photos, inspection.judging, active);
  acceptDrops(view, async (data) => bring((await droppedFiles(data)).files));
  acceptPastes(bring, active);
  return view;
}

function toolbar(
  inspection: Inspection,
  bring: (files: Iterable<File>) => void,
  live: () => void,
): HTMLElement {
  const { engine, photos, display } = inspection;
  const startOver = () => {
    engine.cancel();
    remove(inspection, photos.all.peek());
    rescueFocus(visibleHeading);
  };
  return h(
    'div',
    { class: 'toolbar' },
    h('h1', { class: 'visually-hidden', tabindex: -1 }, 'Inspect'),
    viewSwitch(display),
    h(
      'div',
      { class: 'row' },
      filePicker({ label: 'Add', icon: 'plus', accept: 'image/*', multiple: true }, (input) =>
        bring(input.files!),
      ),
      cameraButton((photograph) => bring([photograph]), true),
      h('button', { type: 'button', class: 'button', onclick: live }, icon('video'), 'Live'),
      h('button', { type: 'button', class: 'button', onclick: startOver }, 'Start over'),
    ),
  );
}

/** The photograph that is selected, large, and all of them below. */
function stageColumn(inspection: Inspection, highlighted: Signal<number | undefined>): HTMLElement {
  const { engine, photos, display, judging, queue, shown, each } = inspection;
  /** One prompt's map in place of the map of all. */
  const alone = computed((): ShownMap | undefined => {
    const [now, k] = [shown.map.value, each.chosen.value];
    const looked = each.looked.value;
    return now && looked && k !== undefined
      ? { ...now, map: looked.prompts[k]!.map, range: looked.range }
      : undefined;
  });
  return h(
    'div',
    { class: 'stage-column' },
    createStage({
      photo: photos.selected,
      shown: computed(() => alone.value ?? shown.map.value),
      display,
      // Regions are those of the map of all.
      found: computed(() => (alone.value ? undefined : shown.found.value)),
      highlighted,
    }),
    progressCard(engine.activity, engine.cancel),
    messages(photos, engine, queue, inspection),
    overview(photos, judging, queue.pace),
    filmstrip(photos, judging, (photo) => remove(inspection, [photo])),
  );
}

/** What the photograph that is selected can be saved as. */
function saveButtons(inspection: Inspection): HTMLElement {
  const button = (label: string, kind: string, save: (photo: Photo) => Promise<void>) =>
    h(
      'button',
      { type: 'button', class: 'button', onclick: () => save(inspection.photos.selected.peek()!) },
      icon('download'),
      h('span', { class: 'visually-hidden' }, 'Save '),
      label,
      h('span', { class: 'quiet' }, kind),
    );
  return h(
    'div',
    { class: 'save' },
    h(
      'div',
      { class: 'row' },
      button('Picture', 'PNG', (photo) => savePicture(photo, contextOf(inspection))),
      button('Numbers', 'JSON', (photo) => saveNumbers([photo], contextOf(inspection))),
    ),
  );
}

/** Regions, prompts and display: of a photograph that came out. */
function details(inspection: Inspection, highlighted: Signal<number | undefined>): HTMLElement {
  const { engine, photos, display, shown, each } = inspection;
  const element = h(
    'div',
    { class: 'stack' },
    regionList(shown.found, highlighted),
    eachPromptCard(photos.selected, shown.map, each),
    displayControls(display, shown, engine, (tiles) => lookIn(inspection, tiles)),
  );
  effect(() => {
    element.hidden = photos.selected.value?.state.value.kind !== 'done';
  });
  return element;
}
