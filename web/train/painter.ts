// A dialog in which a mask is painted over a photograph.
import { effect, type ReadonlySignal, signal } from '@preact/signals-core';
import { transfer } from 'comlink';
import { announce } from '../core/announce.ts';
import { h, showDialog, uniqueId } from '../core/dom.ts';
import { icon } from '../core/icons.ts';
import { stopAll } from '../core/signals.ts';
import { offerUndo } from '../core/undo.ts';
import { slider } from '../inspect/controls.ts';
import { studio } from '../studio/studio.ts';
import { type Brush, createBrush, createDoings } from './brush.ts';
import type { TrainItem } from './items.ts';
import { keys, paintByKeys, paintByPointer } from './paint-input.ts';
import { createSurface } from './paint-surface.ts';
import { createPainting } from './painting.ts';
import { toolButtons } from './tools.ts';

/** What a dialog may change. */
interface Marks {
  readonly mask: Blob | undefined;
  readonly defective: boolean;
}

/** Resolves when the dialog is closed; the item's mask is then what was painted, or as before. */
export async function paintMask(item: TrainItem): Promise<void> {
  const photograph = await createImageBitmap(item.image).catch(() => undefined);
  if (!photograph) {
    announce(`${item.name} cannot be read as an image.`);
    return;
  }
  const { width, height } = photograph;
  const before: Marks = { mask: item.mask.peek(), defective: item.defective.peek() };
  const [flood, background] = await Promise.all([
    studio().openFlood(transfer(photograph, [photograph])),
    before.mask && studio().paintingOfMask(before.mask),
  ]);
  const brush = createBrush(width, height);
  const surface = createSurface(item, width, height, brush);
  const { canvas } = surface;
  const changes = signal(0);
  const painting = createPainting(canvas, background, () => {
    changes.value += 1;
  });
  const doings = createDoings(brush, painting, surface, async (x, y, reach, painted) =>
    flood.fill(x, y, reach, transfer(painted, [painted])),
  );
  paintByPointer(canvas, brush, doings, painting);
  paintByKeys(surface, brush, doings, painting);

  const normal = normalChoice(canvas, before, changes);
  const clear = () => {
    painting.clear();
    normal.choose();
    announce('Cleared. The image counts as normal unless you paint or untick it.');
  };
  const dialog = h('dialog', { class: 'painter', 'aria-label': `Mark the defect in ${item.name}` });
  dialog.append(
    h(
      'div',
      { class: 'painter-head' },
      h('h2', {}, 'Mark the defect'),
      h('p', { class: 'quiet' }, item.name),
    ),
    surface.element,
    toolBar(brush, doings.undo, clear),
    normal.element,
    keyList(),
    askBeforeDropping(dialog, doings.changed, () => canvas.focus()),
    h(
      'div',
      { class: 'row end' },
      h('button', { type: 'button', class: 'button', onclick: () => dialog.close('cancel') }, 'Cancel'),
      h('button', { type: 'button', class: 'button primary', onclick: () => dialog.close('done') }, 'Done'),
    ),
  );
  await showDialog(dialog, canvas);
  if (dialog.returnValue === 'done') {
    if (brush.polygon.peek().length >= 3) doings.close();
    // Untouched, the mask stays the very file that it is.
    if (painting.changed()) item.mask.value = await studio().maskOfPainting(await bitmapOf(canvas));
    item.defective.value = item.mask.peek() !== undefined || !normal.chosen();
    offerBack(item, before);
  }
  surface.stop();
  normal.stop();
  painting.close();
  void flood.close();
  dialog.remove();
}

/** What is painted, for the studio to keep. */
async function bitmapOf(canvas: HTMLCanvasElement): Promise<ImageBitmap> {
  const painted = await createImageBitmap(canvas);
  return transfer(painted, [painted]);
}

/** Offers the marks from before, if they are others now. */
function offerBack(item: TrainItem, { mask, defective }: Marks): void {
  if (item.mask.peek() === mask && item.defective.peek() === defective) return;
  offerUndo(`${item.name}: mask changed.`, () => {
    item.mask.value = mask;
    item.defective.value = defective;
  });
}

const toolBar = ({ tool, share, reach }: Brush, undo: () => void, clear: () => void): HTMLElement =>
  h(
    'div',
    { class: 'painter-tools' },
    ...toolButtons(tool),
    h('button', { type: 'button', class: 'button', onclick: undo }, icon('undo'), 'Undo'),
    h('button', { type: 'button', class: 'button', onclick: clear }, icon('trash'), 'Clear'),
    slider('Brush size', share),
    slider('Bucket reach', reach),
  );

const keyList = (): HTMLElement =>
  h(
    'details',
    { class: 'quiet' },
    h('summary', {}, 'Keys'),
    h('dl', { class: 'keys' }, ...keys.flatMap(([key, does]) => [h('dt', {}, key), h('dd', {}, does)])),
  );

/** Whether the image counts as normal: a question only while nothing is painted. */
function normalChoice(canvas: HTMLCanvasElement, before: Marks, changes: ReadonlySignal<number>) {
  const id = uniqueId('normal');
  const box = h('input', { id, type: 'checkbox' });
  box.checked = !before.defective;
  const element = h('label', { class: 'check', for: id }, box, 'No defect: this image counts as normal');
  const empty = signal(before.mask === undefined);
  const stops = [
    effect(() => {
      element.hidden = !empty.value;
    }),
    effect(() => {
      if (changes.value === 0) return;
      void bitmapOf(canvas)
        .then((painted) => studio().isPainted(painted))
        .then((some) => {
          empty.value = !some;
        });
    }),
  ];
  return {
    element,
    chosen: () => box.checked,
    /** Whoever takes the whole mask away says that there is nothing to be marked. */
    choose() {
      box.checked = true;
      empty.value = true;
    },
    stop: () => stopAll(stops),
  };
}

/**
 * Escape asks before it drops what was painted.
 * @param stay gives the focus back
 * @returns the question
 */
function askBeforeDropping(dialog: HTMLDialogElement, changed: () => boolean, stay: () => void): HTMLElement {
  const answer = (drop: boolean) => {
    ask.hidden = true;
    if (drop) dialog.close('cancel');
    else stay();
  };
  const ask = h(
    'div',
    {
      class: 'notice',
      'data-tone': 'warning',
      role: 'alertdialog',
      'aria-label': 'Drop what you painted?',
      hidden: true,
    },
    h(
      'div',
      { class: 'notice-text' },
      h('p', { class: 'notice-title' }, 'Drop what you painted?'),
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'button', class: 'button small', onclick: () => answer(false) }, 'Keep painting'),
        h('button', { type: 'button', class: 'button small', onclick: () => answer(true) }, 'Drop it'),
      ),
    ),
  );
  // As a key press: a dialog's `cancel` event cannot be refused twice in a row.
  dialog.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !changed()) return;
    event.preventDefault();
    ask.hidden = !ask.hidden;
    if (ask.hidden) stay();
    else ask.querySelector('button')!.focus();
  });
  dialog.addEventListener('cancel', (event) => {
    if (changed() && ask.hidden) {
      event.preventDefault();
      ask.hidden = false;
      ask.querySelector('button')!.focus();
    }
  });
  return ask;
}
