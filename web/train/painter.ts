// A dialog in which a mask is painted over a photograph: by pointer, or by keyboard alone.
import { computed, effect, signal } from '@preact/signals-core';
import { transfer } from 'comlink';
import { announce } from '../core/announce.ts';
import { h, svg, uniqueId } from '../core/dom.ts';
import { icon } from '../core/icons.ts';
import { offerUndo } from '../core/undo.ts';
import { createZoom } from '../core/zoom.ts';
import { slider } from '../inspect/controls.ts';
import { studio } from '../studio/studio.ts';
import type { TrainItem } from './items.ts';
import { createPainting, type Point } from './painting.ts';
import { type Tool, toolButtons, toolKeys, toolNames } from './tools.ts';

const keys: readonly (readonly [string, string])[] = [
  ['Arrow keys', 'move the brush (with Shift: farther)'],
  ['Space', 'paint a dot; hold it and move to draw; set a corner; fill'],
  ['B, E, P, F', 'brush, eraser, polygon, bucket'],
  ['Enter', 'close the polygon'],
  ['[ and ]', 'smaller or larger brush'],
  ['+, − and 0', 'zoom in, out, whole picture'],
  ['Ctrl Z', 'undo'],
];

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
  const canvas = h('canvas', {
    width,
    height,
    tabindex: 0,
    role: 'application',
    'aria-label': `Mask of ${item.name}. Arrow keys move the brush, space paints, B, E, P and F choose a tool.`,
  });
  const ring = h('span', { class: 'brush-ring', 'aria-hidden': 'true' });
  const corners = svg('polyline', { class: 'corners' });
  const sketch = svg(
    'svg',
    {
      class: 'sketch',
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    corners,
  );
  const surface = h(
    'div',
    { class: 'paint-surface' },
    h(
      'div',
      { class: 'pane' },
      h('img', { src: item.url, alt: '', draggable: 'false' }),
      canvas,
      sketch,
      ring,
    ),
  );
  surface.style.setProperty('--aspect', String(width / height));
  const zoom = createZoom([surface], () => Math.max(8, width / Math.max(1, surface.clientWidth)), false);
  const stopZoom = effect(() => {
    const { scale, x, y } = zoom.window.value;
    surface.style.setProperty('--scale', String(scale));
    surface.style.setProperty('--x', `${-100 * x * scale}%`);
    surface.style.setProperty('--y', `${-100 * y * scale}%`);
  });

  const changes = signal(0);
  const painting = createPainting(canvas, background, () => {
    changes.value += 1;
  });
  const tool = signal<Tool>('brush');
  /** Of the image's shorter side. */
  const share = signal(0.08);
  const reach = signal(0.12);
  const size = computed(() => Math.max(1, share.value * Math.min(width, height)));
  const at = signal<Point>({ x: width / 2, y: height / 2 });
  const polygon = signal<readonly Point[]>([]);
  effect(() => {
    const { x, y } = at.value;
    const paints = tool.value === 'brush' || tool.value === 'eraser';
    ring.style.left = `${(100 * x) / width}%`;
    ring.style.top = `${(100 * y) / height}%`;
    ring.style.width = paints ? `${(100 * size.value) / width}%` : 'calc(10px / var(--scale, 1))';
    ring.toggleAttribute('data-erase', tool.value === 'eraser');
    const points = polygon.value;
    corners.setAttribute(
      'points',
      points.length > 0 ? [...points, at.value].map((point) => `${point.x},${point.y}`).join(' ') : '',
    );
  });

  const closePolygon = () => {
    const points = polygon.peek();
    polygon.value = [];
    if (points.length < 3) announce('A polygon needs three corners.');
    else {
      painting.polygon(points);
      announce('Polygon filled');
    }
  };
  const corner = () => {
    const points = polygon.peek();
    const near = (point: Point) =>
      Math.hypot(point.x - at.peek().x, point.y - at.peek().y) <
      (10 * width) / (surface.clientWidth * zoom.window.peek().scale);
    if (points.length >= 3 && near(points[0]!)) closePolygon();
    else {
      polygon.value = [...points, at.peek()];
      announce(`Corner ${points.length + 1}`);
    }
  };
  const fillFrom = async () => {
    const { x, y } = at.peek();
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const painted = await createImageBitmap(canvas);
    const found = await flood.fill(x, y, reach.peek(), transfer(painted, [painted]));
    if (found) painting.lay(found);
    announce(found ? 'Filled' : 'This place is painted already.');
  };
  const undo = () => {
    if (polygon.peek().length > 0) {
      polygon.value = polygon.peek().slice(0, -1);
      announce('Corner taken back');
    } else announce(painting.undo() ? 'Taken back' : 'Nothing to undo');
  };
  /** @returns whether a stroke has begun */
  const begin = (): boolean => {
    const now = tool.peek();
    if (now === 'polygon') corner();
    else if (now === 'bucket') void fillFrom();
    else {
      painting.begin({ erase: now === 'eraser', size: size.peek() }, at.peek());
      return true;
    }
    return false;
  };

  const follow = (event: PointerEvent) => {
    const box = canvas.getBoundingClientRect();
    at.value = {
      x: ((event.clientX - box.left) * width) / box.width,
      y: ((event.clientY - box.top) * height) / box.height,
    };
  };
  let drawing: number | undefined;
  canvas.addEventListener('pointerdown', (event) => {
    // The second finger zooms; what the first began is no stroke.
    if (!event.isPrimary) {
      if (drawing !== undefined) painting.undo();
      drawing = undefined;
      return;
    }
    follow(event);
    if (!begin()) return;
    canvas.setPointerCapture(event.pointerId);
    drawing = event.pointerId;
  });
  canvas.addEventListener('pointermove', (event) => {
    // Pens and fast mice report several places an event.
    const places = drawing === event.pointerId ? (event.getCoalescedEvents?.() ?? []) : [];
    for (const place of places.length > 0 ? places : [event]) {
      follow(place);
      if (drawing === event.pointerId) painting.move(at.value);
    }
  });
  for (const end of ['pointerup', 'pointercancel'] as const)
    canvas.addEventListener(end, () => {
      drawing = undefined;
    });
  canvas.addEventListener('dblclick', () => {
    if (tool.peek() === 'polygon' && polygon.peek().length >= 3) closePolygon();
  });

  let held = false;
  canvas.addEventListener('keydown', (event) => {
    const step = (Math.min(width, height) / 100 / zoom.window.peek().scale) * (event.shiftKey ? 10 : 2);
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    const move = moves[event.key];
    const chosen = event.ctrlKey || event.metaKey ? undefined : toolKeys.get(event.key.toLowerCase());
    if (move) {
      const { x, y } = at.value;
      at.value = {
        x: Math.max(0, Math.min(width, x + move[0])),
        y: Math.max(0, Math.min(height, y + move[1])),
      };
      zoom.show(at.value.x / width, at.value.y / height);
      if (held) painting.move(at.value);
      else
        announce(
          `${Math.round((100 * at.value.x) / width)} % from the left, ${Math.round((100 * at.value.y) / height)} % from the top`,
        );
    } else if (event.key === ' ') {
      if (!event.repeat) held = begin();
    } else if (event.key === 'Enter' && polygon.peek().length > 0) closePolygon();
    else if (event.key.toLowerCase() === 'z' && (event.ctrlKey || event.metaKey)) undo();
    else if (chosen) {
      tool.value = chosen;
      announce(toolNames[chosen][0]);
    } else if (event.key === '[') share.value = Math.max(0.01, share.value - 0.02);
    else if (event.key === ']') share.value = Math.min(1, share.value + 0.02);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener('keyup', (event) => {
    if (event.key !== ' ' || !held) return;
    held = false;
    announce(tool.peek() === 'eraser' ? 'Erased' : 'Painted');
  });

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
    h('div', { class: 'paint-stage' }, surface, zoom.buttons),
    h(
      'div',
      { class: 'painter-tools' },
      ...toolButtons(tool),
      h('button', { type: 'button', class: 'button', onclick: undo }, icon('undo'), 'Undo'),
      h('button', { type: 'button', class: 'button', onclick: clear }, icon('trash'), 'Clear'),
      slider('Brush size', share),
      slider('Bucket reach', reach),
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
    if (event.key !== 'Escape' || !(painting.changed() || polygon.peek().length > 0)) return;
    event.preventDefault();
    ask.hidden = !ask.hidden;
    if (ask.hidden) canvas.focus();
    else ask.querySelector('button')!.focus();
  });
  dialog.addEventListener('cancel', (event) => {
    if (painting.changed() && ask.hidden) {
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
    if (polygon.peek().length >= 3) painting.polygon(polygon.peek());
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
  for (const stop of [stopZoom, stopLook, stopEmpty]) stop();
  void flood.close();
  dialog.remove();
}
