// The photograph with its heat map: overlaid, side by side, or behind a slider; all of them through one window.
import { effect, type ReadonlySignal, type Signal } from '@preact/signals-core';
import type { AnomalyMap, Range } from '../../src/data/heatmap.ts';
import { h, oncePerFrame, svg } from '../core/dom.ts';
import { createZoom } from '../core/zoom.ts';
import { drawHeat, type HeatSettings } from '../studio/heat.ts';
import type { Marked } from '../studio/regions.ts';
import { type Display, heatSettings } from './display.ts';
import type { Photo } from './photo.ts';

/** How many regions carry a number. */
export const namedRegions = 5;

/** A photograph and its map, once that is at hand. */
export interface ShownMap {
  readonly photo: Photo;
  readonly map: AnomalyMap;
  readonly stretched: boolean;
  /** Stretched to this range instead of the map's own. */
  readonly range?: Range;
}

/** Regions and the line around them, and of which photograph they are. */
export interface Found extends Marked {
  readonly photo: Photo;
  /** Relative to the map's own range. */
  readonly stretched: boolean;
}

export interface StageOptions {
  readonly photo: ReadonlySignal<Photo | undefined>;
  readonly shown: ReadonlySignal<ShownMap | undefined>;
  readonly display: Display;
  /** Absent until they are known. */
  readonly found: ReadonlySignal<Found | undefined>;
  /** Number of the region under the pointer or with the focus in the list. */
  readonly highlighted: Signal<number | undefined>;
}

export function createStage({ photo, shown, display, found, highlighted }: StageOptions): HTMLElement {
  const plain = h('img', { class: 'photo', alt: '', decoding: 'async', draggable: 'false' });
  const under = h('img', { class: 'photo', alt: '', decoding: 'async', draggable: 'false' });
  const heat = h('canvas', { class: 'heat', 'aria-hidden': 'true' });
  const lines = svg('svg', { class: 'lines', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const labels = h('div', { class: 'labels', 'aria-hidden': 'true' });
  const split = h('input', {
    type: 'range',
    class: 'split',
    min: 0,
    max: 100,
    value: 50,
    'aria-label': 'Position of the slider between photograph and heat map, in percent',
    oninput: () => placeSplit(),
  });
  const hot = h('div', { class: 'hot' }, h('div', { class: 'pane' }, heat, lines, labels));
  const front = h(
    'div',
    { class: 'frame', tabindex: 0, role: 'group', 'data-arrows': true },
    h('div', { class: 'pane' }, under),
    hot,
    h('div', { class: 'divider' }),
    split,
  );
  const back = h(
    'div',
    { class: 'frame original' },
    h('div', { class: 'pane' }, plain),
    h('span', { class: 'caption' }, 'Photograph'),
  );
  /** So far that a pixel of the photograph is one of the screen; small photographs are enlarged beyond. */
  const zoom = createZoom([front, back], () =>
    Math.max(8, (under.naturalWidth * devicePixelRatio) / Math.max(1, front.clientWidth)),
  );
  const stage = h('div', { class: 'stage' }, back, front, zoom.buttons);

  // Through the CSSOM: the Content-Security-Policy forbids style attributes.
  const placeSplit = () => front.style.setProperty('--split', `${split.value}%`);
  placeSplit();

  const fit = () => {
    const { naturalWidth, naturalHeight } = under;
    if (naturalWidth > 0) stage.style.setProperty('--aspect', String(naturalWidth / naturalHeight));
  };
  under.addEventListener('load', fit);

  let last: Photo | undefined;
  effect(() => {
    const current = photo.value;
    if (current === last) return;
    last = current;
    for (const image of [plain, under]) {
      if (current) image.src = current.url;
      else image.removeAttribute('src');
      image.alt = current ? `Photograph ${current.name}` : '';
    }
    // Said once is enough.
    under.alt = '';
    front.setAttribute(
      'aria-label',
      current ? `Heat map over ${current.name}. Plus and minus zoom, arrows move.` : '',
    );
    zoom.reset();
  });
  effect(() => {
    const { scale, x, y } = zoom.window.value;
    stage.style.setProperty('--scale', String(scale));
    stage.style.setProperty('--x', `${-100 * x * scale}%`);
    stage.style.setProperty('--y', `${-100 * y * scale}%`);
    stage.toggleAttribute('data-zoomed', scale > 1);
  });
  effect(() => {
    stage.dataset.view = display.view.value;
  });

  const draw = oncePerFrame((map: AnomalyMap, settings: HeatSettings) => drawHeat(heat, map, settings));
  effect(() => {
    stage.dataset.state = photo.value?.state.value.kind ?? 'empty';
    const now = shown.value;
    hot.hidden = !now;
    if (now) draw(now.map, heatSettings(display, now.map, now.stretched, now.range));
  });
  effect(() => {
    const now = shown.value;
    const d = display.outlines.value ? (found.value?.outline ?? '') : '';
    if (now) lines.setAttribute('viewBox', `0 0 ${now.map.width} ${now.map.height}`);
    lines.replaceChildren(svg('path', { class: 'line-shadow', d }), svg('path', { class: 'line', d }));
  });
  effect(() => {
    const regions = display.outlines.value ? (found.value?.regions ?? []).slice(0, namedRegions) : [];
    const marked = highlighted.value;
    labels.replaceChildren(
      ...regions.map((region, i) => {
        const label = h('span', { class: 'label', 'data-current': i === marked }, String(i + 1));
        // Whole even at the edge.
        label.style.left = `clamp(12px, ${100 * region.x}%, 100% - 12px)`;
        label.style.top = `clamp(12px, ${100 * region.y}%, 100% - 12px)`;
        return label;
      }),
    );
  });
  return stage;
}
