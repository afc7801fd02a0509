// Looking closer: wheel, pinch, drag, double click, keys and buttons move one window for photograph, map and regions.
import { effect, type ReadonlySignal, signal } from '@preact/signals-core';
import { announce } from './announce.ts';
import { h } from './dom.ts';
import { icon } from './icons.ts';

/** Scale, and the upper left corner of what is seen, as shares of the picture. */
export interface Window {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export const whole: Window = { scale: 1, x: 0, y: 0 };

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

/** The same place of the picture stays under a point of the frame, in [0, 1]. */
export function zoomTo(
  { scale, x, y }: Window,
  wanted: number,
  [u, v]: readonly [number, number],
  most: number,
): Window {
  const next = clamp(wanted, 1, most);
  return within({ scale: next, x: x + u / scale - u / next, y: y + v / scale - v / next });
}

/** Moved by shares of the frame. */
export const moveBy = ({ scale, x, y }: Window, du: number, dv: number): Window =>
  within({ scale, x: x + du / scale, y: y + dv / scale });

const within = ({ scale, x, y }: Window): Window => ({
  scale,
  x: clamp(x, 0, 1 - 1 / scale),
  y: clamp(y, 0, 1 - 1 / scale),
});

export interface Zoom {
  readonly window: ReadonlySignal<Window>;
  readonly buttons: HTMLElement;
  reset(): void;
  /** Moves the window so that a point of the picture, in [0, 1], is seen. */
  show(x: number, y: number): void;
}

/** The window, and what moves it. */
interface Moves {
  readonly window: ReadonlySignal<Window>;
  /** The largest scale. */
  most(): number;
  set(next: Window, say?: boolean): void;
  /** Closer by a factor, around a point of the frame. */
  by(factor: number, around: readonly [number, number]): void;
  // These are said.
  closer(): void;
  wider(): void;
  reset(): void;
}

/**
 * @param frames elements that show the picture, one or several times
 * @param most the largest scale: where the photograph's own pixels are seen
 * @param drags one pointer moves the window, and a double click zooms; false where they do something else
 */
export function createZoom(frames: readonly HTMLElement[], most: () => number, drags = true): Zoom {
  const window = signal<Window>(whole);
  const set = (next: Window, say = false) => {
    window.value = next;
    if (say) announce(next.scale === 1 ? 'Whole picture' : `${Math.round(100 * next.scale)} percent`);
  };
  const by = (factor: number, around: readonly [number, number] = [0.5, 0.5], say = false) =>
    set(zoomTo(window.peek(), window.peek().scale * factor, around, most()), say);
  const moves: Moves = {
    window,
    most,
    set,
    by,
    closer: () => by(1.5, undefined, true),
    wider: () => by(1 / 1.5, undefined, true),
    reset: () => set(whole, true),
  };
  for (const frame of frames) {
    byWheel(frame, moves);
    if (drags) byDoubleClick(frame, moves);
    byPointers(frame, moves, drags);
    byKeys(frame, moves);
  }
  return {
    window,
    buttons: zoomButtons(moves),
    reset: () => set(whole),
    show(px, py) {
      const { scale, x, y } = window.peek();
      const margin = 0.1 / scale;
      const inside = (p: number, low: number) =>
        p < low + margin ? p - margin : p > low + 1 / scale - margin ? p + margin - 1 / scale : low;
      set(within({ scale, x: inside(px, x), y: inside(py, y) }));
    },
  };
}

/** Where in a frame an event is, as shares of it. */
function placeIn(frame: HTMLElement, { clientX, clientY }: MouseEvent): readonly [number, number] {
  const box = frame.getBoundingClientRect();
  return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
}

function byWheel(frame: HTMLElement, moves: Moves): void {
  frame.addEventListener(
    'wheel',
    (event) => {
      // Out of the whole picture the page scrolls.
      if (moves.window.peek().scale === 1 && event.deltaY > 0 && !event.ctrlKey) return;
      event.preventDefault();
      const factor = Math.exp(-clamp(event.deltaY, -200, 200) * (event.ctrlKey ? 0.01 : 0.0025));
      moves.by(factor, placeIn(frame, event));
    },
    { passive: false },
  );
}

function byDoubleClick(frame: HTMLElement, { window, most, set, reset }: Moves): void {
  frame.addEventListener('dblclick', (event) => {
    const wanted = Math.min(most(), Math.max(2.5, most() / 2));
    if (window.peek().scale > 1) reset();
    else set(zoomTo(window.peek(), wanted, placeIn(frame, event), most()), true);
  });
}

/** Two pointers pinch; one drags, where it may. */
function byPointers(frame: HTMLElement, { window, set, by }: Moves, drags: boolean): void {
  const touching = new Map<number, PointerEvent>();
  frame.addEventListener('pointerdown', (event) => {
    touching.set(event.pointerId, event);
    if (touching.size === 2 || (drags && window.peek().scale > 1)) {
      if ((event.target as Element).matches('input, button') && touching.size < 2) return;
      frame.setPointerCapture(event.pointerId);
    }
  });
  frame.addEventListener('pointermove', (event) => {
    const before = touching.get(event.pointerId);
    if (!before) return;
    const [other] = [...touching.values()].filter(({ pointerId }) => pointerId !== event.pointerId);
    touching.set(event.pointerId, event);
    const { width, height } = frame.getBoundingClientRect();
    const [dx, dy] = [(event.clientX - before.clientX) / width, (event.clientY - before.clientY) / height];
    if (other) {
      const span = (one: PointerEvent) =>
        Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const [[u, v], [ou, ov]] = [placeIn(frame, event), placeIn(frame, other)];
      by(span(event) / Math.max(1, span(before)), [(u + ou) / 2, (v + ov) / 2]);
      set(moveBy(window.peek(), -dx / 2, -dy / 2));
    } else if (drags && frame.hasPointerCapture(event.pointerId)) set(moveBy(window.peek(), -dx, -dy));
  });
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'] as const)
    frame.addEventListener(end, (event) => touching.delete(event.pointerId));
}

/** How far an arrow key moves the window, as a share of the frame. */
const step = 0.15;
const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-step, 0],
  ArrowRight: [step, 0],
  ArrowUp: [0, -step],
  ArrowDown: [0, step],
};

function byKeys(frame: HTMLElement, moves: Moves): void {
  frame.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const arrow = arrows[event.key];
    if (event.key === '+' || event.key === '=') moves.closer();
    else if (event.key === '-') moves.wider();
    else if (event.key === '0') moves.reset();
    else if (arrow && moves.window.peek().scale > 1 && !(event.target as Element).matches('input'))
      moves.set(moveBy(moves.window.peek(), ...arrow));
    else return;
    event.preventDefault();
  });
}

function zoomButtons(moves: Moves): HTMLElement {
  const button = (label: string, sign: 'plus' | 'minus' | 'fit', act: () => void) =>
    h(
      'button',
      { type: 'button', class: 'button small square', 'aria-label': label, title: label, onclick: act },
      icon(sign),
    );
  const amount = h('span', { class: 'quiet amount' });
  const [plus, minus, fit] = [
    button('Zoom in', 'plus', moves.closer),
    button('Zoom out', 'minus', moves.wider),
    button('Whole picture', 'fit', moves.reset),
  ];
  effect(() => {
    const { scale } = moves.window.value;
    amount.textContent = `${Math.round(100 * scale)} %`;
    minus.disabled = scale === 1;
    fit.disabled = scale === 1;
  });
  return h(
    'div',
    { class: 'zoom row nowrap', role: 'group', 'aria-label': 'Zoom' },
    minus,
    amount,
    plus,
    fit,
  );
}
