// The photograph that is painted on, through a window: the painting, the brush's ring, the polygon that is being set.
import { effect } from '@preact/signals-core';
import { h, svg } from '../core/dom.ts';
import { stopAll } from '../core/signals.ts';
import { createZoom, type Zoom } from '../core/zoom.ts';
import type { Brush } from './brush.ts';

export interface PaintSurface {
  readonly element: HTMLElement;
  /** What is painted, in pixels of the image; takes the focus. */
  readonly canvas: HTMLCanvasElement;
  readonly zoom: Zoom;
  /** Pixels of the screen that a pixel of the image takes. */
  onScreen(): number;
  stop(): void;
}

export function createSurface(
  { name, url }: { readonly name: string; readonly url: string },
  width: number,
  height: number,
  { tool, size, at, polygon }: Brush,
): PaintSurface {
  const canvas = h('canvas', {
    width,
    height,
    tabindex: 0,
    role: 'application',
    'aria-label': `Mask of ${name}. Arrow keys move the brush, space paints, B, E, P and F choose a tool.`,
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
    h('div', { class: 'pane' }, h('img', { src: url, alt: '', draggable: 'false' }), canvas, sketch, ring),
  );
  surface.style.setProperty('--aspect', String(width / height));
  const zoom = createZoom([surface], () => Math.max(8, width / Math.max(1, surface.clientWidth)), false);
  const stops = [
    effect(() => {
      const { scale, x, y } = zoom.window.value;
      surface.style.setProperty('--scale', String(scale));
      surface.style.setProperty('--x', `${-100 * x * scale}%`);
      surface.style.setProperty('--y', `${-100 * y * scale}%`);
    }),
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
    }),
  ];
  return {
    element: h('div', { class: 'paint-stage' }, surface, zoom.buttons),
    canvas,
    zoom,
    onScreen: () => (surface.clientWidth * zoom.window.peek().scale) / width,
    stop: () => stopAll(stops),
  };
}
