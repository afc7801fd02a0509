// The score with its reading, and the most suspicious regions.
import { computed, effect, type ReadonlySignal, type Signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { fill, h } from '../core/dom.ts';
import { formatPercent, formatPlace, plural } from '../core/format.ts';
import type { Engine } from '../engine/engine.ts';
import type { Region } from '../studio/regions.ts';
import type { Photo } from './photos.ts';
import { readScore } from './reading.ts';
import { namedRegions } from './stage.ts';

/**
 * @param unfamiliar the photograph is of a kind that the CLIP has never seen
 * @param save buttons that save what is shown
 */
export function verdictCard(
  photo: ReadonlySignal<Photo | undefined>,
  regions: ReadonlySignal<readonly Region[] | undefined>,
  { info }: Engine,
  unfamiliar: ReadonlySignal<boolean>,
  save: HTMLElement,
): HTMLElement {
  const body = h('div');
  const card = h('section', { class: 'card verdict', 'aria-label': 'Verdict' }, body, save);
  const untrained = computed(() => info.value?.clip.notice !== undefined);
  const threshold = computed(() => info.value?.prompts?.threshold);
  let said: Photo | undefined;
  effect(() => {
    const current = photo.value;
    const state = current?.state.value;
    card.hidden = state?.kind !== 'done';
    if (!current || state?.kind !== 'done') return;
    const { score } = state.detection;
    const reading = readScore({
      score,
      threshold: threshold.value,
      region: regions.value?.[0],
      untrained: untrained.value,
      unfamiliar: unfamiliar.value,
    });
    card.dataset.tone = reading.tone;
    const meter = h('div', { class: 'meter', 'aria-hidden': 'true' }, h('span', { class: 'needle' }));
    meter.style.setProperty('--score', `${100 * score}%`);
    meter.style.setProperty('--limit', `${100 * (threshold.value ?? 0.5)}%`);
    fill(
      body,
      h(
        'div',
        { class: 'verdict-head' },
        h('h2', {}, reading.verdict),
        h(
          'p',
          { class: 'score' },
          h('span', { class: 'visually-hidden' }, 'Score '),
          score.toFixed(2),
          h('small', {}, ' of 1'),
        ),
      ),
      meter,
      h('p', { class: 'reading' }, reading.text),
    );
    // With the place of the strongest sign, once it is known.
    if (!regions.value) return;
    if (said !== current)
      announce(`${current.name}: ${reading.verdict}, score ${score.toFixed(2)} of 1. ${reading.text}`);
    said = current;
  });
  return card;
}

/** The list of regions; the one under the pointer or with the focus is marked in the picture. */
export function regionList(
  regions: ReadonlySignal<readonly Region[] | undefined>,
  highlighted: Signal<number | undefined>,
): HTMLElement {
  const list = h('ol', { class: 'regions' });
  const summary = h('p', { class: 'quiet' });
  effect(() => {
    const all = regions.value ?? [];
    summary.textContent =
      regions.value?.length === 0
        ? 'Nothing reaches the mark. Move “Suspicious from” down to see weaker signs.'
        : all.length > namedRegions
          ? `The ${namedRegions} strongest of ${all.length}.`
          : '';
    summary.hidden = summary.textContent === '';
    fill(
      list,
      ...all.slice(0, namedRegions).map((region, i) => {
        const mark = (on: boolean) => () => {
          highlighted.value = on ? i : undefined;
        };
        return h(
          'li',
          {
            tabindex: 0,
            onpointerenter: mark(true),
            onpointerleave: mark(false),
            onfocus: mark(true),
            onblur: mark(false),
          },
          h('span', { class: 'place' }, capitalise(formatPlace(region.x, region.y))),
          h(
            'span',
            { class: 'quiet' },
            `peak ${region.peak.toFixed(2)} · ${formatPercent(region.area)} of the image`,
          ),
        );
      }),
    );
    list.hidden = all.length === 0;
    list.setAttribute('aria-label', plural(all.length, 'suspicious region'));
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'regions-heading' },
    h('h2', { id: 'regions-heading' }, 'Most suspicious'),
    list,
    summary,
  );
}

const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
