// The score with its reading, and the most suspicious regions.
import { effect, type ReadonlySignal, type Signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { fill, h } from '../core/dom.ts';
import { formatPercent, formatPlace, plural } from '../core/format.ts';
import { icon } from '../core/icons.ts';
import type { Engine } from '../engine/engine.ts';
import type { Judging } from './judged.ts';
import type { Photo } from './photo.ts';
import { type Found, namedRegions } from './stage.ts';

/** "lower right" takes as much room as any place. */
const somewhere = { x: 1, y: 1 };

interface Judged {
  readonly photo: ReadonlySignal<Photo | undefined>;
  readonly found: ReadonlySignal<Found | undefined>;
  /** Whether the view is shown. */
  active(): boolean;
}

/** @param below what follows: the limit, and buttons that save what is shown */
export function verdictCard(
  { photo, found, active }: Judged,
  judging: Judging,
  { limit }: Engine,
  ...below: HTMLElement[]
): HTMLElement {
  const body = h('div');
  const card = h('section', { class: 'card verdict', 'aria-label': 'Verdict' }, body, ...below);
  let said: { photo: Photo; verdict: string } | undefined;
  effect(() => {
    const current = photo.value;
    const state = current?.state.value;
    card.hidden = state?.kind !== 'done';
    if (!current || state?.kind !== 'done') return;
    const { score } = state.result;
    const here = found.value?.photo === current ? found.value : undefined;
    const place = here?.regions[0];
    const reading = judging.reading(current, place)!;
    // Room for the place, which is known a moment later: what is below does not move from under a finger.
    const whole = judging.reading(current, place ?? somewhere)!.text;
    card.dataset.tone = reading.tone;
    const shown = Number.isFinite(score) ? score : 0;
    const meter = h('div', { class: 'meter', 'aria-hidden': 'true' }, h('span', { class: 'needle' }));
    meter.style.setProperty('--score', `${100 * shown}%`);
    meter.style.setProperty('--limit', `${100 * (limit.value?.value ?? 0.5)}%`);
    fill(
      body,
      h(
        'div',
        { class: 'verdict-head' },
        h('h2', {}, reading.passes && icon(reading.passes === 'pass' ? 'check' : 'close'), reading.verdict),
        h(
          'p',
          { class: 'score' },
          h('span', { class: 'visually-hidden' }, 'Score '),
          score.toFixed(2),
          h('small', {}, ' of 1'),
        ),
      ),
      meter,
      h('p', { class: 'reading', 'data-unsaid': whole.slice(reading.text.length) }, reading.text),
    );
    // With the place of the strongest sign, once it is known; again when the verdict becomes another one.
    if (!here || !active()) return;
    const verdict = `${reading.verdict}, score ${score.toFixed(2)} of 1.`;
    if (said?.photo !== current || said.verdict !== verdict)
      announce(`${current.name}: ${verdict} ${reading.text}`);
    said = { photo: current, verdict };
  });
  return card;
}

/** The list of regions; the one under the pointer or with the focus is marked in the picture. */
export function regionList(
  found: ReadonlySignal<Found | undefined>,
  highlighted: Signal<number | undefined>,
): HTMLElement {
  const list = h('ol', { class: 'regions' });
  const summary = h('p', { class: 'quiet' });
  effect(() => {
    const all = found.value?.regions ?? [];
    summary.textContent = [
      found.value &&
        all.length === 0 &&
        'Nothing reaches the mark. Move “Suspicious from” down to see weaker signs.',
      all.length > namedRegions && `The ${namedRegions} strongest of ${all.length}.`,
      found.value?.stretched && all.length > 0 && 'Measured against this photograph’s own strongest sign.',
    ]
      .filter(Boolean)
      .join(' ');
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
