// The dialog in which good photographs give the limit.
import { effect, type Signal } from '@preact/signals-core';
import { fill, h, showDialog, uniqueId } from '../core/dom.ts';
import { acceptDrops, droppedFiles } from '../core/files.ts';
import { rescueFocus } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { forget } from '../core/keep.ts';
import { askBeforeLeaving } from '../core/leaving.ts';
import { filePicker } from '../core/picker.ts';
import { progressCard } from '../core/progress.ts';
import { stopAll } from '../core/signals.ts';
import type { Engine } from '../engine/engine.ts';
import { cameraButton } from './camera.ts';
import type { Detect } from './detect.ts';
import { createGoodParts, type GoodParts, keepScores, keptScores } from './good-parts.ts';
import { change } from './limit-card.ts';
import type { Photos } from './photos.ts';

const rates = [0.01, 0.02, 0.05, 0.1, 0.2];
const usual = 0.05;

/** Resolves when the dialog is closed. */
export async function calibrate(engine: Engine, photos: Photos, detect: Detect): Promise<void> {
  const known = engine.limit.peek();
  const good = createGoodParts(engine, detect, {
    scores: (await keptScores(engine)) ?? known?.scores ?? [],
    rate: known?.rate ?? usual,
    wanted: () => dialog.open,
  });
  const { limit, waiting } = good;
  let used = false;
  const here = takeShown(photos, good);
  const findings = createFindings(good, () => {
    good.clear();
    rescueFocus(() => dialog.querySelector('h2'));
  });
  const use = h(
    'button',
    {
      type: 'button',
      class: 'button primary',
      onclick: () => {
        used = true;
        dialog.close();
        change(engine, limit.peek(), `Limit set to ${limit.peek()!.value.toFixed(3)}.`);
      },
    },
    'Use this limit',
  );
  const dialog = h(
    'dialog',
    { class: 'calibrate', 'aria-labelledby': 'calibrate-heading' },
    h('h2', { id: 'calibrate-heading', tabindex: -1 }, 'Calibrate on good parts'),
    h(
      'p',
      { class: 'quiet' },
      'Photographs of good parts only, taken as they will be taken at work: the same part, light and distance. Their scores say where the limit lies.',
    ),
    h(
      'div',
      { class: 'row' },
      filePicker(
        { label: 'Choose good photographs', icon: 'images', accept: 'image/*', multiple: true },
        (input) => good.take(input.files!),
      ),
      cameraButton((photograph) => void good.take([photograph])),
      here.element,
    ),
    rateChoice(good.rate),
    progressCard(engine.activity, engine.cancel),
    ...findings.elements,
    h(
      'div',
      { class: 'row end' },
      h('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, 'Cancel'),
      use,
    ),
  );
  const stops = [
    askBeforeLeaving(() => waiting.peek() > 0),
    keepScores(engine, good),
    here.stop,
    findings.stop,
    effect(() => {
      use.disabled = limit.value === undefined || waiting.value > 0;
    }),
  ];
  acceptDrops(dialog, async (data) => good.take((await droppedFiles(data)).files));
  await showDialog(dialog, dialog.querySelector('h2')!);
  if (waiting.peek() > 0) engine.cancel();
  stopAll(stops);
  if (used) void forget('settings', 'calibration');
  dialog.remove();
}

/** A button that takes the photographs that were inspected already. */
function takeShown({ all }: Photos, { add }: GoodParts) {
  const scores = () =>
    all.value.flatMap(({ state }) => (state.value.kind === 'done' ? [state.value.result.score] : []));
  const element = h('button', { type: 'button', class: 'button', onclick: () => add(scores()) });
  const stop = effect(() => {
    const count = scores().length;
    element.hidden = count === 0;
    element.textContent = `Take the ${plural(count, 'photograph')} shown here as good`;
  });
  return { element, stop };
}

function rateChoice(rate: Signal<number>): HTMLElement {
  const id = uniqueId('rate');
  const select = h(
    'select',
    {
      id,
      onchange: () => {
        rate.value = Number(select.value);
      },
    },
    ...rates.map((value) => h('option', { value }, `${Math.round(100 * value)} in 100`)),
  );
  select.value = String(rate.value);
  return h('div', { class: 'row' }, h('label', { for: id }, 'Good parts that may fail'), select);
}

/** What came out so far: problems, scores, what the limit would be, and a way to begin anew. */
function createFindings({ scores, waiting, problems, preview }: GoodParts, clear: () => void) {
  const bad = h('div', { class: 'messages' });
  const facts = h('p', { class: 'quiet', role: 'status' });
  const words = h('p', { class: 'reading' });
  const again = h('button', { type: 'button', class: 'button quiet-button', onclick: clear }, 'Begin anew');
  const stop = effect(() => {
    const all = scores.value;
    facts.textContent = [
      all.length > 0 &&
        `${plural(all.length, 'good photograph')}, scores from ${Math.min(...all).toFixed(3)} to ${Math.max(...all).toFixed(3)}.`,
      waiting.value > 0 && `${waiting.value} to go.`,
    ]
      .filter(Boolean)
      .join(' ');
    words.textContent = preview.value;
    again.hidden = all.length === 0;
    fill(bad, ...problems.value.map((text) => h('p', { class: 'note quiet' }, text)));
  });
  return { elements: [bad, facts, words, again], stop };
}
