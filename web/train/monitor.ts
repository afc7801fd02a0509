// A run under way: where it stands, its loss, and the map of one image as the prompts learn.
import { effect } from '@preact/signals-core';
import { mapRange } from '../../src/data/heatmap.ts';
import type { WatchedMap } from '../../src/detector/index.ts';
import { h } from '../core/dom.ts';
import { formatRemaining } from '../core/format.ts';
import { icon } from '../core/icons.ts';
import { drawHeat } from '../studio/heat.ts';
import { asMap } from '../studio/studio.ts';
import { type Curve, lossCurve } from './curve.ts';
import { kindOf } from './items.ts';
import type { Run } from './run.ts';

export interface Monitor {
  readonly element: HTMLElement;
  readonly curve: Curve;
  draw(event: WatchedMap): void;
}

export function createMonitor(run: Run): Monitor {
  const curve = lossCurve();
  const photograph = h('img', { class: 'photo', alt: '' });
  const heat = h('canvas', { class: 'heat', 'aria-hidden': 'true' });
  const caption = h('p', { class: 'quiet', role: 'status' });
  const choice = h('select', {
    'aria-label': 'Image to watch',
    onchange: () => run.watch(Number(choice.value)),
  });
  const title = h('p', { class: 'progress-title' });
  const detail = h('p', { class: 'quiet' });
  const bar = h('progress', { max: 1, 'aria-label': 'Training' });
  const pause = h(
    'button',
    { type: 'button', class: 'button', onclick: () => run.pause() },
    icon('pause'),
    'Pause',
  );
  const go = h(
    'button',
    { type: 'button', class: 'button primary', onclick: () => run.continue() },
    icon('play'),
    'Continue',
  );
  const stop = h(
    'button',
    { type: 'button', class: 'button', onclick: () => run.stop() },
    icon('stop'),
    'Stop and keep',
  );
  const where = h(
    'section',
    { class: 'card progress', 'aria-label': 'Training' },
    h('div', { class: 'progress-words' }, title, detail),
    h('div', { class: 'row' }, pause, go, stop),
    bar,
  );
  const element = h(
    'div',
    { class: 'monitor' },
    where,
    h('section', { class: 'card', 'aria-label': 'Loss' }, h('h2', {}, 'Loss'), curve.element),
    h(
      'section',
      { class: 'card', 'aria-label': 'Heat map' },
      h('div', { class: 'row spread' }, h('h2', {}, 'Heat map'), choice),
      h('div', { class: 'watched' }, photograph, heat),
      caption,
    ),
  );

  const { state, step, progress, remaining, items } = run;
  effect(() => {
    choice.replaceChildren(
      ...items.value.map((item, i) => h('option', { value: i }, `${item.name} (${kindOf(item)})`)),
    );
  });
  effect(() => {
    const { kind } = state.value;
    element.hidden = kind === 'idle';
    pause.hidden = kind !== 'running';
    go.hidden = kind !== 'paused';
    stop.hidden = kind !== 'running' && kind !== 'paused';
    const last = step.value;
    const doing = progress.value;
    title.textContent = {
      idle: '',
      running: last ? `Epoch ${last.epoch} of ${last.epochs}` : 'Preparing',
      paused: 'Paused: Inspect can be used meanwhile',
      stopping: 'Stopping after this step',
      done: 'Trained',
      failed: 'Ended early',
    }[kind];
    const left = remaining.value;
    detail.textContent = last
      ? [
          `Step ${last.step} of ${last.steps}`,
          `loss ${last.losses.total!.toFixed(3)}`,
          kind === 'running' && left !== undefined && left > 2 && `${formatRemaining(left)} left`,
        ]
          .filter(Boolean)
          .join(' · ')
      : doing?.phase === 'compile'
        ? `Preparing the graphics device: ${doing.done} of ${doing.total} programs`
        : 'Looking at the images for the first time';
    if (last) bar.value = last.step / last.steps;
    else bar.removeAttribute('value');
    // What came of it is said elsewhere.
    where.hidden = kind === 'done' || kind === 'failed';
  });

  return {
    element,
    curve,
    draw({ step, sample, score, map }) {
      const item = run.items.peek()[sample];
      if (!item) return;
      if (photograph.src !== item.url) photograph.src = item.url;
      choice.value = String(sample);
      const values = asMap({ map });
      drawHeat(heat, values, { opacity: 0.7, threshold: 0, range: mapRange(values) });
      caption.textContent = `After step ${step}: score ${score.toFixed(2)}`;
    },
  };
}
