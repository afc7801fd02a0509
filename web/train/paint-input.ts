// The painter by pointer, and by keyboard alone.
import { announce } from '../core/announce.ts';
import type { Zoom } from '../core/zoom.ts';
import type { Brush, Doings } from './brush.ts';
import type { Painting } from './painting.ts';
import { toolKeys, toolNames } from './tools.ts';

/** What the dialog says about its keys. */
export const keys: readonly (readonly [string, string])[] = [
  ['Arrow keys', 'move the brush (with Shift: farther)'],
  ['Space', 'paint a dot; hold it and move to draw; set a corner; fill'],
  ['B, E, P, F', 'brush, eraser, polygon, bucket'],
  ['Enter', 'close the polygon'],
  ['[ and ]', 'smaller or larger brush'],
  ['+, − and 0', 'zoom in, out, whole picture'],
  ['Ctrl Z', 'undo'],
];

export function paintByPointer(
  canvas: HTMLCanvasElement,
  { tool, at, polygon }: Brush,
  doings: Doings,
  painting: Painting,
): void {
  const follow = (event: PointerEvent) => {
    const box = canvas.getBoundingClientRect();
    at.value = {
      x: ((event.clientX - box.left) * canvas.width) / box.width,
      y: ((event.clientY - box.top) * canvas.height) / box.height,
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
    if (!doings.begin()) return;
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
    if (tool.peek() === 'polygon' && polygon.peek().length >= 3) doings.close();
  });
}

export function paintByKeys(
  { canvas, zoom }: { readonly canvas: HTMLCanvasElement; readonly zoom: Zoom },
  { tool, share, at, polygon }: Brush,
  doings: Doings,
  painting: Painting,
): void {
  const { width, height } = canvas;
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
    const command = event.ctrlKey || event.metaKey;
    const chosen = command ? undefined : toolKeys.get(event.key.toLowerCase());
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
      if (!event.repeat) held = doings.begin();
    } else if (event.key === 'Enter' && polygon.peek().length > 0) doings.close();
    else if (event.key.toLowerCase() === 'z' && command) doings.undo();
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
}
