// The photograph with its heat map: overlaid, side by side, or behind a slider.
import { effect, type ReadonlySignal, type Signal } from '@preact/signals-core';
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import { h, oncePerFrame, svg } from '../core/dom.ts';
import { drawHeat, type HeatSettings } from '../studio/heat.ts';
import { outline, type Region } from '../studio/regions.ts';
import { asMap } from '../studio/studio.ts';
import { type Display, heatSettings } from './display.ts';
import type { Photo } from './photos.ts';

/** How many regions carry a number. */
export const namedRegions = 5;

export interface StageOptions {
  readonly photo: ReadonlySignal<Photo | undefined>;
  readonly display: Display;
  readonly regions: ReadonlySignal<readonly Region[]>;
  /** Number of the region under the pointer or with the focus in the list. */
  readonly highlighted: Signal<number | undefined>;
}

export function createStage({ photo, display, regions, highlighted }: StageOptions): HTMLElement {
  const plain = h('img', { class: 'photo', alt: '', decoding: 'async' });
  const under = h('img', { class: 'photo', alt: '', decoding: 'async' });
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
  const hot = h('div', { class: 'hot' }, heat, lines, labels);
  const front = h('div', { class: 'frame' }, under, hot, h('div', { class: 'divider' }), split);
  const back = h('div', { class: 'frame original' }, plain, h('span', { class: 'caption' }, 'Photograph'));
  const stage = h('div', { class: 'stage' }, back, front);

  // Through the CSSOM: the Content-Security-Policy forbids style attributes.
  const placeSplit = () => front.style.setProperty('--split', `${split.value}%`);
  placeSplit();

  const fit = () => {
    const { naturalWidth, naturalHeight } = under;
    if (naturalWidth > 0) stage.style.setProperty('--aspect', String(naturalWidth / naturalHeight));
  };
  under.addEventListener('load', fit);

  effect(() => {
    const current = photo.value;
    for (const image of [plain, under]) {
      if (current) image.src = current.url;
      else image.removeAttribute('src');
      image.alt = current ? `Photograph ${current.name}` : '';
    }
    // Said once is enough.
    under.alt = '';
    front.setAttribute('aria-label', current ? `Heat map over ${current.name}` : '');
    front.setAttribute('role', 'group');
  });
  effect(() => {
    stage.dataset.view = display.view.value;
  });

  const draw = oncePerFrame((map: AnomalyMap | undefined, settings: HeatSettings | undefined) => {
    hot.hidden = !map;
    if (!map || !settings) return;
    drawHeat(heat, map, settings);
    lines.setAttribute('viewBox', `0 0 ${map.width} ${map.height}`);
    const d = display.outlines.peek() ? outline(map, settings.threshold) : '';
    lines.replaceChildren(svg('path', { class: 'line-shadow', d }), svg('path', { class: 'line', d }));
  });
  effect(() => {
    const state = photo.value?.state.value;
    const map = state?.kind === 'done' ? asMap(state.detection) : undefined;
    stage.dataset.state = state?.kind ?? 'empty';
    draw(map, map && heatSettings(display, map));
    display.outlines.value;
  });
  effect(() => {
    const shown = display.outlines.value ? regions.value.slice(0, namedRegions) : [];
    const current = highlighted.value;
    labels.replaceChildren(
      ...shown.map((region, i) => {
        const label = h('span', { class: 'label', 'data-current': i === current }, String(i + 1));
        // Whole even at the edge.
        label.style.left = `clamp(12px, ${100 * region.x}%, 100% - 12px)`;
        label.style.top = `clamp(12px, ${100 * region.y}%, 100% - 12px)`;
        return label;
      }),
    );
  });
  return stage;
}
