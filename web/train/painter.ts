// A dialog in which a mask is painted over a photograph: by pointer, or by keyboard alone.
import { computed, effect, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { h } from '../core/dom.ts';
import { icon } from '../core/icons.ts';
import { slider } from '../inspect/controls.ts';
import { studio } from '../studio/studio.ts';
import type { TrainItem } from './items.ts';
import { createPainting } from './painting.ts';

const keys: readonly (readonly [string, string])[] = [
  ['Arrow keys', 'move the brush (with Shift: farther)'],
  ['Space', 'paint a dot; hold it and move to draw'],
  ['E', 'brush or eraser'],
  ['[ and ]', 'smaller or larger brush'],
  ['Ctrl Z', 'undo'],
];

/** Resolves when the dialog is closed; the item's mask is then what was painted, or as before. */
export async function paintMask(item: TrainItem): Promise<void> {
  const photograph = await createImageBitmap(item.image);
  const { width, height } = photograph;
  photograph.close();
  const before = item.mask.peek();
  const canvas = h('canvas', {
    width,
    height,
    tabindex: 0,
    role: 'application',
    'aria-label': `Mask of ${item.name}. Arrow keys move the brush, space paints, E switches to the eraser.`,
  });
  const painting = createPainting(canvas, before && (await studio().paintingOfMask(before)));
  const ring = h('span', { class: 'brush-ring', 'aria-hidden': 'true' });
  const surface = h('div', { class: 'paint-surface' }, h('img', { src: item.url, alt: '' }), canvas, ring);
  surface.style.setProperty('--aspect', String(width / height));

  const erase = signal(false);
  /** Of the image's shorter side. */
  const share = signal(0.08);
  const size = computed(() => Math.max(1, share.value * Math.min(width, height)));
  const at = signal({ x: width / 2, y: height / 2 });
  effect(() => {
    const { x, y } = at.value;
    ring.style.left = `${(100 * x) / width}%`;
    ring.style.top = `${(100 * y) / height}%`;
    ring.style.width = `${(100 * size.value) / width}%`;
    ring.toggleAttribute('data-erase', erase.value);
  });

  const begin = () => painting.begin({ erase: erase.value, size: size.value }, at.value.x, at.value.y);
  const undo = () => {
    announce(painting.undo() ? 'Stroke undone' : 'Nothing to undo');
  };
  const follow = (event: PointerEvent) => {
    const box = canvas.getBoundingClientRect();
    at.value = {
      x: ((event.clientX - box.left) * width) / box.width,
      y: ((event.clientY - box.top) * height) / box.height,
    };
  };
  let drawing = false;
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    follow(event);
    begin();
    drawing = true;
  });
  canvas.addEventListener('pointermove', (event) => {
    // Pens and fast mice report several places an event.
    const places = drawing ? (event.getCoalescedEvents?.() ?? []) : [];
    for (const place of places.length > 0 ? places : [event]) {
      follow(place);
      if (drawing) painting.move(at.value.x, at.value.y);
    }
  });
  for (const end of ['pointerup', 'pointercancel'])
    canvas.addEventListener(end, () => {
      drawing = false;
    });

  let held = false;
  canvas.addEventListener('keydown', (event) => {
    const step = (Math.min(width, height) / 100) * (event.shiftKey ? 10 : 2);
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    const move = moves[event.key];
    if (move) {
      const { x, y } = at.value;
      at.value = {
        x: Math.max(0, Math.min(width, x + move[0])),
        y: Math.max(0, Math.min(height, y + move[1])),
      };
      if (held) painting.move(at.value.x, at.value.y);
      else
        announce(
          `${Math.round((100 * at.value.x) / width)} % from the left, ${Math.round((100 * at.value.y) / height)} % from the top`,
        );
    } else if (event.key === ' ') {
      if (!held) begin();
      held = true;
    } else if (event.key.toLowerCase() === 'z' && (event.ctrlKey || event.metaKey)) undo();
    else if (event.key.toLowerCase() === 'e') {
      erase.value = !erase.value;
      announce(erase.value ? 'Eraser' : 'Brush');
    } else if (event.key === '[') share.value = Math.max(0.01, share.value - 0.02);
    else if (event.key === ']') share.value = Math.min(1, share.value + 0.02);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener('keyup', (event) => {
    if (event.key !== ' ') return;
    held = false;
    announce('Painted');
  });

  const tool = (label: string, symbol: 'brush' | 'eraser', erases: boolean) => {
    const button = h(
      'button',
      {
        type: 'button',
        class: 'button',
        onclick: () => {
          erase.value = erases;
        },
      },
      icon(symbol),
      label,
    );
    effect(() => button.setAttribute('aria-pressed', String(erase.value === erases)));
    return button;
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
    h('div', { class: 'paint-stage' }, surface),
    h(
      'div',
      { class: 'painter-tools' },
      tool('Brush', 'brush', false),
      tool('Eraser', 'eraser', true),
      h('button', { type: 'button', class: 'button', onclick: undo }, icon('undo'), 'Undo'),
      h(
        'button',
        { type: 'button', class: 'button', onclick: () => painting.clear() },
        icon('trash'),
        'Clear',
      ),
      slider('Brush size', share),
    ),
    h(
      'details',
      { class: 'quiet' },
      h('summary', {}, 'Keys'),
      h('dl', { class: 'keys' }, ...keys.flatMap(([key, does]) => [h('dt', {}, key), h('dd', {}, does)])),
    ),
    h(
      'div',
      { class: 'row end' },
      h('button', { type: 'button', class: 'button', onclick: () => dialog.close('cancel') }, 'Cancel'),
      h('button', { type: 'button', class: 'button primary', onclick: () => dialog.close('done') }, 'Done'),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  canvas.focus();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  if (dialog.returnValue === 'done') {
    const painted = await createImageBitmap(canvas);
    item.mask.value = await studio().maskOfPainting(painted);
  }
  dialog.remove();
}
