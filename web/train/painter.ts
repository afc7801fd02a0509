// A dialog in which a mask is painted over a photograph.
import { effect, signal } from '@preact/signals-core';
import { transfer } from 'comlink';
import { announce } from '../core/announce.ts';
import { h, uniqueId } from '../core/dom.ts';
import { icon } from '../core/icons.ts';
import { offerUndo } from '../core/undo.ts';
import { slider } from '../inspect/controls.ts';
import { studio } from '../studio/studio.ts';
import { createBrush, createDoings } from './brush.ts';
import type { TrainItem } from './items.ts';
import { keys, paintByKeys, paintByPointer } from './paint-input.ts';
import { createSurface } from './paint-surface.ts';
import { createPainting } from './painting.ts';
import { toolButtons } from './tools.ts';

/** Resolves when the dialog is closed; the item's mask is then what was painted, or as before. */
export async function paintMask(item: TrainItem): Promise<void> {
  const photograph = await createImageBitmap(item.image).catch(() => undefined);
  if (!photograph) {
    announce(`${item.name} cannot be read as an image.`);
    return;
  }
  const { width, height } = photograph;
  const before = { mask: item.mask.peek(), defective: item.defective.peek() };
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

  const normalId = uniqueId('normal');
  const normal = h('input', { id: normalId, type: 'checkbox' });
  normal.checked = !before.defective;
  const normalRow = h(
    'label',
    { class: 'check', for: normalId },
    normal,
    'No defect: this image counts as normal',
  );
  const empty = signal(before.mask === undefined);
  const stopLook = effect(() => {
    normalRow.hidden = !empty.value;
  });
  const clear = () => {
    painting.clear();
    // Whoever takes the whole mask away says that there is nothing to be marked.
    normal.checked = true;
    empty.value = true;
    announce('Cleared. The image counts as normal unless you paint or untick it.');
  };
  const stopEmpty = effect(() => {
    if (changes.value === 0) return;
    void createImageBitmap(canvas)
      .then((painted) => studio().isPainted(transfer(painted, [painted])))
      .then((some) => {
        empty.value = !some;
      });
  });

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
  const answer = (drop: boolean) => {
    ask.hidden = true;
    if (drop) dialog.close('cancel');
    else canvas.focus();
  };
  const dialog = h(
    'dialog',
    { class: 'painter', 'aria-label': `Mark the defect in ${item.name}` },
    h(
      'div',
      { class: 'painter-head' },
      h('h2', {}, 'Mark the defect'),
      h('p', { class: 'quiet' }, item.name),
    ),
    surface.element,
    h(
      'div',
      { class: 'painter-tools' },
      ...toolButtons(brush.tool),
      h('button', { type: 'button', class: 'button', onclick: doings.undo }, icon('undo'), 'Undo'),
      h('button', { type: 'button', class: 'button', onclick: clear }, icon('trash'), 'Clear'),
      slider('Brush size', brush.share),
      slider('Bucket reach', brush.reach),
    ),
    normalRow,
    h(
      'details',
      { class: 'quiet' },
      h('summary', {}, 'Keys'),
      h('dl', { class: 'keys' }, ...keys.flatMap(([key, does]) => [h('dt', {}, key), h('dd', {}, does)])),
    ),
    ask,
    h(
      'div',
      { class: 'row end' },
      h('button', { type: 'button', class: 'button', onclick: () => dialog.close('cancel') }, 'Cancel'),
      h('button', { type: 'button', class: 'button primary', onclick: () => dialog.close('done') }, 'Done'),
    ),
  );
  // As a key press: a dialog's `cancel` event cannot be refused twice in a row.
  dialog.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !doings.changed()) return;
    event.preventDefault();
    ask.hidden = !ask.hidden;
    if (ask.hidden) canvas.focus();
    else ask.querySelector('button')!.focus();
  });
  dialog.addEventListener('cancel', (event) => {
    if (doings.changed() && ask.hidden) {
      event.preventDefault();
      ask.hidden = false;
      ask.querySelector('button')!.focus();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  canvas.focus();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  if (dialog.returnValue === 'done') {
    if (brush.polygon.peek().length >= 3) doings.close();
    // Untouched, the mask stays the very file that it is.
    if (painting.changed()) {
      const painted = await createImageBitmap(canvas);
      item.mask.value = await studio().maskOfPainting(transfer(painted, [painted]));
    }
    item.defective.value = item.mask.peek() !== undefined || !normal.checked;
    if (item.mask.peek() !== before.mask || item.defective.peek() !== before.defective)
      offerUndo(`${item.name}: mask changed.`, () => {
        item.mask.value = before.mask;
        item.defective.value = before.defective;
      });
  }
  for (const stop of [surface.stop, stopLook, stopEmpty]) stop();
  painting.close();
  void flood.close();
  dialog.remove();
}
