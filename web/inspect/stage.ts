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
  /** Absent until they are known. */
  readonly regions: ReadonlySignal<readonly Region[] | undefined>;
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
    const shown = photo.value;
    for (const image of [plain, under]) {
      if (shown) image.src = shown.url;
      else image.removeAttribute('src');
      image.alt = shown ? `Photograph ${shown.name}` : '';
    }
    // Said once is enough.
    under.alt = '';
    front.setAttribute('aria-label', shown ? `Heat map over ${shown.name}` : '');
    front.setAttribute('role', 'group');
  });
  effect(() => {
    stage.dataset.view = display.view.value;
  });

  const current = () => {
    const state = photo.value?.state.value;
    return state?.kind === 'done' ? asMap(state.detection) : undefined;
  };
  const draw = oncePerFrame((map: AnomalyMap, settings: HeatSettings) => drawHeat(heat, map, settings));
  effect(() => {
    stage.dataset.state = photo.value?.state.value.kind ?? 'empty';
    const map = current();
    hot.hidden = !map;
    if (map) draw(map, heatSettings(display, map));
  });
  effect(() => {
    const map = regions.value && display.outlines.value ? current() : undefined;
    const d = map ? outline(map, heatSettings(display, map).threshold) : '';
    if (map) lines.setAttribute('viewBox', `0 0 ${map.width} ${map.height}`);
    lines.replaceChildren(svg('path', { class: 'line-shadow', d }), svg('path', { class: 'line', d }));
  });
  effect(() => {
    const shown = display.outlines.value ? (regions.value ?? []).slice(0, namedRegions) : [];
    const marked = highlighted.value;
    labels.replaceChildren(
      ...shown.map((region, i) => {
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
