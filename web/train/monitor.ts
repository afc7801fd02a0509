// A run under way: where it stands, its loss, and the map of one image as the prompts learn.
import { effect } from '@preact/signals-core';
import { mapRange } from '../../src/data/heatmap.ts';
import type { WatchedMap } from '../../src/detector/index.ts';
import { announce } from '../core/announce.ts';
import { h } from '../core/dom.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { formatRemaining } from '../core/format.ts';
import { icon } from '../core/icons.ts';
import { drawHeat } from '../studio/heat.ts';
import { asMap } from '../studio/studio.ts';
import { type Curve, lossCurve } from './curve.ts';
import type { Run } from './run.ts';

/** Milliseconds between two steps that are said. */
const pauseBetween = 10_000;

export interface Monitor {
  readonly element: HTMLElement;
  readonly curve: Curve;
  draw(event: WatchedMap): void;
}

export function createMonitor(run: Run): Monitor {
  const curve = lossCurve();
  const watched = watchedMap(run);
  const element = h(
    'div',
    { class: 'monitor' },
    standing(run),
    h('section', { class: 'card', 'aria-label': 'Loss' }, h('h2', {}, 'Loss'), curve.element),
    watched.element,
  );
  effect(() => {
    element.hidden = run.state.value.kind === 'idle';
  });
  tellSteps(run);
  return { element, curve, draw: watched.draw };
}

/** Where the run stands, in words and as a bar, with its buttons. */
function standing(run: Run): HTMLElement {
  const title = h('p', { class: 'progress-title' });
  const detail = h('p', { class: 'quiet' });
  const bar = h('progress', { max: 1, 'aria-label': 'Training' });
  const card = h(
    'section',
    { class: 'card progress', 'aria-label': 'Training' },
    h('div', { class: 'progress-words' }, title, detail),
    runButtons(run),
    bar,
  );
  effect(() => {
    const { kind } = run.state.value;
    const last = run.step.value;
    const doing = run.progress.value;
    const left = run.remaining.value;
    title.textContent = {
      idle: '',
      running: last ? `Epoch ${last.epoch} of ${last.epochs}` : 'Preparing',
      paused: 'Paused: Inspect can be used meanwhile',
      stopping: 'Stopping after this step',
      done: 'Trained',
      failed: 'Ended early',
    }[kind];
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
    card.hidden = kind === 'done' || kind === 'failed';
  });
  return card;
}

function runButtons(run: Run): HTMLElement {
  const pause = h(
    'button',
    {
      type: 'button',
      class: 'button',
      onclick: () => {
        run.pause();
        announce('Paused after the step under way. Inspect can be used meanwhile.');
        rescueFocus(() => go);
      },
    },
    icon('pause'),
    'Pause',
  );
  const go = h(
    'button',
    {
      type: 'button',
      class: 'button primary',
      onclick: () => {
        run.continue();
        announce('Training goes on.');
        rescueFocus(() => pause);
      },
    },
    icon('play'),
    'Continue',
  );
  const stop = h(
    'button',
    {
      type: 'button',
      class: 'button',
      onclick: () => {
        run.stop();
        rescueFocus(() => document.querySelector('.outcome button'), visibleHeading);
      },
    },
    icon('stop'),
    'Stop and keep',
  );
  effect(() => {
    const { kind } = run.state.value;
    pause.hidden = kind !== 'running';
    go.hidden = kind !== 'paused';
    stop.hidden = kind !== 'running' && kind !== 'paused';
  });
  return h('div', { class: 'row' }, pause, go, stop);
}

/** One image and its map, and which image that is. */
function watchedMap(run: Run): Pick<Monitor, 'element' | 'draw'> {
  const photograph = h('img', { class: 'photo', alt: '' });
  const heat = h('canvas', { class: 'heat', 'aria-hidden': 'true' });
  const caption = h('p', { class: 'quiet' });
  const watched = h('div', { class: 'watched' }, photograph, heat);
  photograph.addEventListener('load', () => {
    const { naturalWidth, naturalHeight } = photograph;
    watched.style.setProperty('--aspect', String(naturalWidth / Math.max(1, naturalHeight)));
  });
  const choice = h('select', {
    'aria-label': 'Image to watch',
    onchange: () => run.watch(Number(choice.value)),
  });
  effect(() => {
    choice.replaceChildren(
      ...run.samples.value.map(({ name, mask }, i) =>
        h('option', { value: i }, `${name} (${mask ? 'defect' : 'normal'})`),
      ),
    );
  });
  /** An address of its own: the gallery's goes with the image. */
  let url: { readonly image: Blob; readonly href: string } | undefined;
  return {
    element: h(
      'section',
      { class: 'card', 'aria-label': 'Heat map' },
      h('div', { class: 'row spread' }, h('h2', {}, 'Heat map'), choice),
      watched,
      caption,
    ),
    draw({ step, sample, score, map }) {
      const shown = run.samples.peek()[sample];
      if (!shown) return;
      if (url?.image !== shown.image) {
        if (url) URL.revokeObjectURL(url.href);
        url = { image: shown.image, href: URL.createObjectURL(shown.image) };
        photograph.src = url.href;
      }
      choice.value = String(sample);
      const values = asMap({ map });
      drawHeat(heat, values, { opacity: 0.7, threshold: 0, range: mapRange(values) });
      caption.textContent = `After step ${step}: score ${score.toFixed(2)}`;
    },
  };
}

/** Says epochs as they end, and steps as far apart as one can listen to. */
function tellSteps({ step }: Run): void {
  let told = { epoch: 0, time: 0 };
  effect(() => {
    const last = step.value;
    if (!last) {
      told = { epoch: 0, time: 0 };
      return;
    }
    const now = performance.now();
    if (last.epoch === told.epoch && now - told.time < pauseBetween) return;
    told = { epoch: last.epoch, time: now };
    announce(
      `Epoch ${last.epoch} of ${last.epochs}, step ${last.step} of ${last.steps}, loss ${last.losses.total!.toFixed(3)}.`,
    );
  });
}
