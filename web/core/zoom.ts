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
  const by = (factor: number, u = 0.5, v = 0.5, say = false) =>
    set(zoomTo(window.peek(), window.peek().scale * factor, [u, v], most()), say);
  const reset = (say = false) => set(whole, say);

  for (const frame of frames) {
    const at = ({ clientX, clientY }: { clientX: number; clientY: number }) => {
      const box = frame.getBoundingClientRect();
      return [(clientX - box.left) / box.width, (clientY - box.top) / box.height, box] as const;
    };
    frame.addEventListener(
      'wheel',
      (event) => {
        // Out of the whole picture the page scrolls.
        if (window.peek().scale === 1 && event.deltaY > 0 && !event.ctrlKey) return;
        event.preventDefault();
        const [u, v] = at(event);
        by(Math.exp(-clamp(event.deltaY, -200, 200) * (event.ctrlKey ? 0.01 : 0.0025)), u, v);
      },
      { passive: false },
    );
    frame.addEventListener('dblclick', (event) => {
      if (!drags) return;
      const [u, v] = at(event);
      if (window.peek().scale > 1) reset(true);
      else set(zoomTo(window.peek(), Math.min(most(), Math.max(2.5, most() / 2)), [u, v], most()), true);
    });
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
      const others = [...touching.values()].filter(({ pointerId }) => pointerId !== event.pointerId);
      touching.set(event.pointerId, event);
      const [u, v, box] = at(event);
      if (others[0]) {
        const [other] = others;
        const span = (one: PointerEvent) =>
          Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
        const [ou, ov] = at(other);
        by(span(event) / Math.max(1, span(before)), (u + ou) / 2, (v + ov) / 2);
        const half = (distance: number, side: number) => -distance / 2 / side;
        set(
          moveBy(
            window.peek(),
            half(event.clientX - before.clientX, box.width),
            half(event.clientY - before.clientY, box.height),
          ),
        );
      } else if (drags && frame.hasPointerCapture(event.pointerId)) {
        const [du, dv] = [event.clientX - before.clientX, event.clientY - before.clientY];
        set(moveBy(window.peek(), -du / box.width, -dv / box.height));
      }
    });
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'] as const)
      frame.addEventListener(end, (event) => touching.delete(event.pointerId));
    frame.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const step = 0.15;
      const moves: Record<string, readonly [number, number]> = {
        ArrowLeft: [-step, 0],
        ArrowRight: [step, 0],
        ArrowUp: [0, -step],
        ArrowDown: [0, step],
      };
      const move = moves[event.key];
      if (event.key === '+' || event.key === '=') by(1.5, 0.5, 0.5, true);
      else if (event.key === '-') by(1 / 1.5, 0.5, 0.5, true);
      else if (event.key === '0') reset(true);
      else if (move && window.peek().scale > 1 && !(event.target as Element).matches('input'))
        set(moveBy(window.peek(), ...move));
      else return;
      event.preventDefault();
    });
  }

  const button = (label: string, sign: 'plus' | 'minus' | 'fit', act: () => void) =>
    h(
      'button',
      { type: 'button', class: 'button small square', 'aria-label': label, title: label, onclick: act },
      icon(sign),
    );
  const amount = h('span', { class: 'quiet amount' });
  const [closer, wider, fit] = [
    button('Zoom in', 'plus', () => by(1.5, 0.5, 0.5, true)),
    button('Zoom out', 'minus', () => by(1 / 1.5, 0.5, 0.5, true)),
    button('Whole picture', 'fit', () => reset(true)),
  ];
  effect(() => {
    const { scale } = window.value;
    amount.textContent = `${Math.round(100 * scale)} %`;
    wider.disabled = scale === 1;
    fit.disabled = scale === 1;
  });
  return {
    window,
    buttons: h(
      'div',
      { class: 'zoom row nowrap', role: 'group', 'aria-label': 'Zoom' },
      wider,
      amount,
      closer,
      fit,
    ),
    reset,
    show(px, py) {
      const { scale, x, y } = window.peek();
      const margin = 0.1 / scale;
      const inside = (p: number, low: number) =>
        p < low + margin ? p - margin : p > low + 1 / scale - margin ? p + margin - 1 / scale : low;
      set(within({ scale, x: inside(px, x), y: inside(py, y) }));
    },
  };
}
