// The view "Inspect".
import { computed, effect, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { h } from '../core/dom.ts';
import { acceptDrops, acceptPastes, droppedFiles, leftOut, sortFiles } from '../core/files.ts';
import { currentThumbnail, rescueFocus, visibleHeading } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { icon } from '../core/icons.ts';
import { keeping, onTakeOver } from '../core/keep.ts';
import { askBeforeLeaving } from '../core/leaving.ts';
import { filePicker } from '../core/picker.ts';
import { progressCard } from '../core/progress.ts';
import { offerUndo } from '../core/undo.ts';
import type { Engine } from '../engine/engine.ts';
import { explain, type Problem } from '../engine/problems.ts';
import type { TrainWork } from '../train/work.ts';
import { calibrate } from './calibrate.ts';
import { cameraButton } from './camera.ts';
import { displayControls, viewSwitch } from './controls.ts';
import { createDetect } from './detect.ts';
import { createDisplay, keepDisplay, restoreDisplay } from './display.ts';
import { createEachPrompt } from './each-prompt.ts';
import { eachPromptCard } from './each-prompt-card.ts';
import { saveNumbers, savePicture } from './exports.ts';
import { filmstrip } from './filmstrip.ts';
import { createJudging } from './judged.ts';
import { limitCard } from './limit-card.ts';
import { messages, type Refused } from './messages.ts';
import { modelLine } from './model-line.ts';
import { overview, photoKeys } from './overview.ts';
import { createPhotos, type Photo } from './photos.ts';
import { createQueue } from './queue.ts';
import { createShown } from './shown.ts';
import { createStage, type ShownMap } from './stage.ts';
import { takeAlongCard } from './take-along.ts';
import { regionList, verdictCard } from './verdict.ts';
import { welcome } from './welcome.ts';

export function inspectView(engine: Engine, train: TrainWork, active: () => boolean): HTMLElement {
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
  const take = (files: Iterable<File>) => {
    const { images, others } = sortFiles(files);
    const left = leftOut(others);
    refused.value = left === undefined ? undefined : { title: 'Some files were left out', text: left };
    if (left) announce(left);
    photos.add(images);
    queue.start();
    rescueFocus(currentThumbnail, visibleHeading);
  };
  const remove = (some: readonly Photo[]) => {
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
  };

  const shown = createShown(photos, display, judging);
  const highlighted = signal<number | undefined>(undefined);
  const each = createEachPrompt(engine, photos);
  /** One prompt's map in place of the map of all. */
  const alone = computed((): ShownMap | undefined => {
    const [now, k] = [shown.map.value, each.chosen.value];
    const looked = each.looked.value;
    return now && looked && k !== undefined
      ? { ...now, map: looked.prompts[k]!.map, range: looked.range }
      : undefined;
  });
  const context = () => ({
    photos,
    display,
    judging,
    each,
    choice: engine.choice.peek(),
    info: engine.known.peek(),
    limit: engine.limit.peek(),
  });

  const saveButton = (label: string, kind: string, save: (photo: Photo) => Promise<void>) =>
    h(
      'button',
      { type: 'button', class: 'button', onclick: () => save(photos.selected.peek()!) },
      icon('download'),
      h('span', { class: 'visually-hidden' }, 'Save '),
      label,
      h('span', { class: 'quiet' }, kind),
    );
  const takeAlong = takeAlongCard({ engine, photos, train }, context, (text) => {
    refused.value = { title: 'That did not work', text };
  });
  const save = h(
    'div',
    { class: 'save' },
    h(
      'div',
      { class: 'row' },
      saveButton('Picture', 'PNG', (photo) => savePicture(photo, context())),
      saveButton('Numbers', 'JSON', (photo) => saveNumbers([photo], context())),
    ),
  );
  const verdict = verdictCard({ photo: photos.selected, found: shown.found, active }, judging, engine, save);
  const details = h(
    'div',
    { class: 'stack' },
    regionList(shown.found, highlighted),
    eachPromptCard(photos.selected, shown.map, each),
    displayControls(display, shown, engine, lookIn),
  );
  async function lookIn(tiles: number | false): Promise<void> {
    problem.value = undefined;
    try {
      await engine.use({ ...engine.choice.peek(), tiles });
    } catch (error) {
      const failed = explain(error);
      if (failed.kind !== 'stopped') problem.value = failed;
    }
  }
  async function openLive(): Promise<void> {
    const { liveView } = await import('./live.ts');
    await liveView(engine, display, take);
  }
  function openCalibration(): void {
    void calibrate(engine, photos, detect);
  }
  const startOver = () => {
    engine.cancel();
    remove(photos.all.peek());
    rescueFocus(visibleHeading);
  };
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
        h('button', { type: 'button', class: 'button', onclick: openLive }, icon('video'), 'Live'),
        h('button', { type: 'button', class: 'button', onclick: startOver }, 'Start over'),
      ),
    ),
    h(
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
      messages(photos, engine, queue, { problem, refused }),
      overview(photos, judging, queue.pace),
      filmstrip(photos, judging, (photo) => remove([photo])),
    ),
    h(
      'aside',
      { class: 'side', 'aria-label': 'Result' },
      verdict,
      limitCard(engine, openCalibration),
      details,
      takeAlong.element,
      modelLine(engine),
    ),
  );
  const empty = welcome(refused, {
    take,
    calibrate: openCalibration,
    openProject: takeAlong.openProject,
    live: openLive,
  });
  const view = h('div', { class: 'inspect' }, empty, workbench);

  effect(() => {
    const none = photos.all.value.length === 0;
    empty.hidden = !none;
    workbench.hidden = none;
  });
  effect(() => {
    details.hidden = photos.selected.value?.state.value.kind !== 'done';
  });
  void restore();
  async function restore(): Promise<void> {
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

  photoKeys(photos, judging, active);
  acceptDrops(view, async (data) => take((await droppedFiles(data)).files));
  acceptPastes(take, active);
  return view;
}
