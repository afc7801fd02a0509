// The dialog in which good photographs give the limit.
import { computed, effect, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { fill, h, uniqueId } from '../core/dom.ts';
import { acceptDrops, droppedFiles, leftOut, sortFiles } from '../core/files.ts';
import { rescueFocus } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { forget, keep, kept } from '../core/keep.ts';
import { askBeforeLeaving } from '../core/leaving.ts';
import { filePicker } from '../core/picker.ts';
import { progressCard } from '../core/progress.ts';
import type { Engine } from '../engine/engine.ts';
import { type Limit, limitFromGood, limitInWords } from '../engine/limit.ts';
import { explain } from '../engine/problems.ts';
import { cameraButton } from './camera.ts';
import type { Detect } from './detect.ts';
import { change } from './limit-card.ts';
import type { Photos } from './photos.ts';

const rates = [0.01, 0.02, 0.05, 0.1, 0.2];
const usual = 0.05;

/** Scores of good photographs that no limit was made of yet, and what they come from. */
interface Begun {
  readonly scoring: string | undefined;
  readonly scores: readonly number[];
}

/** Resolves when the dialog is closed. */
export async function calibrate(engine: Engine, photos: Photos, detect: Detect): Promise<void> {
  const known = engine.limit.peek();
  // Escape, or a reload, must not cost what took minutes.
  const begun = await kept<Begun>('settings', 'calibration');
  const left = begun && begun.scoring === engine.scoring.peek() ? begun.scores : undefined;
  const scores = signal<readonly number[]>(left ?? known?.scores ?? []);
  const rate = signal(known?.rate ?? usual);
  const waiting = signal(0);
  const stopAsking = askBeforeLeaving(() => waiting.peek() > 0);
  let used = false;
  const problems = signal<readonly string[]>([]);
  const note = (text: string) => {
    problems.value = [...problems.peek(), text];
    announce(text);
  };

  async function take(files: Iterable<File>): Promise<void> {
    const { images, others } = sortFiles(files);
    const left = leftOut(others);
    if (left) note(left);
    waiting.value += images.length;
    for (const [i, file] of images.entries()) {
      try {
        const { score } = await engine.run(file.name, (detector, tools) =>
          detect({ file, name: file.name }, detector, tools),
        );
        scores.value = [...scores.peek(), score];
      } catch (error) {
        const problem = explain(error);
        if (problem.kind === 'stopped' || !dialog.open) {
          waiting.value -= images.length - i;
          return;
        }
        note([problem.title, problem.text].filter(Boolean).join('. '));
      }
      waiting.value -= 1;
    }
    announce(`${plural(scores.peek().length, 'good photograph')}. ${preview.peek()}`);
  }

  const limit = computed((): Limit | undefined =>
    scores.value.length > 0 ? limitFromGood(scores.value, rate.value) : undefined,
  );
  const preview = computed(() =>
    limit.value
      ? `Photographs will fail from ${limitInWords(limit.value)}`
      : scores.value.length > 0
        ? 'A good photograph has the highest score that there is: no limit lets it pass.'
        : '',
  );

  const done = () =>
    photos.all.value.flatMap(({ state }) => (state.value.kind === 'done' ? [state.value.result.score] : []));
  const here = h('button', {
    type: 'button',
    class: 'button',
    onclick: () => {
      scores.value = [...scores.peek(), ...done()];
      announce(`${plural(scores.peek().length, 'good photograph')}. ${preview.peek()}`);
    },
  });
  const rateId = uniqueId('rate');
  const select = h(
    'select',
    {
      id: rateId,
      onchange: () => {
        rate.value = Number(select.value);
      },
    },
    ...rates.map((value) => h('option', { value }, `${Math.round(100 * value)} in 100`)),
  );
  select.value = String(rate.value);
  const facts = h('p', { class: 'quiet', role: 'status' });
  const words = h('p', { class: 'reading' });
  const bad = h('div', { class: 'messages' });
  const again = h(
    'button',
    {
      type: 'button',
      class: 'button quiet-button',
      onclick: () => {
        scores.value = [];
        problems.value = [];
        rescueFocus(() => dialog.querySelector('h2'));
      },
    },
    'Begin anew',
  );
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
        (input) => take(input.files!),
      ),
      cameraButton((photograph) => void take([photograph])),
      here,
    ),
    h('div', { class: 'row' }, h('label', { for: rateId }, 'Good parts that may fail'), select),
    progressCard(engine.activity, engine.cancel),
    bad,
    facts,
    words,
    again,
    h(
      'div',
      { class: 'row end' },
      h('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, 'Cancel'),
      use,
    ),
  );
  const first = scores.peek();
  const stops = [
    effect(() => {
      const begun: Begun = { scoring: engine.scoring.peek(), scores: scores.value };
      if (scores.value !== first) void keep('settings', 'calibration', begun);
    }),
    effect(() => {
      const count = done().length;
      here.hidden = count === 0;
      here.textContent = `Take the ${plural(count, 'photograph')} shown here as good`;
    }),
    effect(() => {
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
      use.disabled = limit.value === undefined || waiting.value > 0;
      fill(bad, ...problems.value.map((text) => h('p', { class: 'note quiet' }, text)));
    }),
  ];
  acceptDrops(dialog, async (data) => take((await droppedFiles(data)).files));
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector('h2')!.focus();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  if (waiting.peek() > 0) engine.cancel();
  for (const stop of stops) stop();
  stopAsking();
  if (used) void forget('settings', 'calibration');
  dialog.remove();
}
