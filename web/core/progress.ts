// A job's progress: the phase in words, a bar, what is left, and a way out.
import { effect, type ReadonlySignal } from '@preact/signals-core';
import type { Progress } from '../../src/detector/index.ts';
import type { Activity } from '../engine/activity.ts';
import { h } from './dom.ts';
import { currentThumbnail, rescueFocus, visibleHeading } from './focus.ts';
import { formatRemaining, formatSize } from './format.ts';

const origins = {
  network: 'Downloading the model',
  storage: 'Reading the stored model',
  file: 'Reading the model',
};

/** A phase in words, and how far it is. */
export function describe({ phase, done, total, from = 'file' }: Progress): { text: string; amount: string } {
  switch (phase) {
    case 'read':
      return { text: origins[from], amount: `${formatSize(done)} of ${formatSize(total)}` };
    case 'compile':
      return { text: 'Preparing the graphics device', amount: `${done} of ${total} programs` };
    case 'compute':
      return { text: 'Computing', amount: total > 0 ? `${Math.round((100 * done) / total)} %` : '' };
  }
}

/** Hidden while there is nothing to do. */
export function progressCard(
  activity: ReadonlySignal<Activity | undefined>,
  cancel: () => void,
  cancelLabel = 'Cancel',
): HTMLElement {
  const title = h('p', { class: 'progress-title' });
  const text = h('span');
  const amount = h('span', { class: 'amount' });
  const bar = h('progress', { max: 1, 'aria-label': 'Progress' });
  const card = h(
    'section',
    { class: 'card progress', 'aria-label': 'Progress' },
    h('div', { class: 'progress-words' }, title, h('p', { class: 'quiet' }, text, ' ', amount)),
    h(
      'button',
      {
        type: 'button',
        class: 'button small',
        onclick: () => {
          cancel();
          rescueFocus(
            () => card.parentElement?.querySelector('.messages:not(:empty) button'),
            currentThumbnail,
            visibleHeading,
          );
        },
      },
      cancelLabel,
    ),
    bar,
  );
  effect(() => {
    const now = activity.value;
    card.hidden = !now;
    if (!now) return;
    const { progress, remaining } = now;
    const words = progress ? describe(progress) : { text: 'Starting', amount: '' };
    title.textContent = now.title;
    text.textContent = words.text;
    amount.textContent = [
      words.amount,
      remaining !== undefined && remaining > 2 && `${formatRemaining(remaining)} left`,
    ]
      .filter(Boolean)
      .join(' · ');
    if (progress && progress.total > 0) bar.value = Math.min(1, progress.done / progress.total);
    else bar.removeAttribute('value');
  });
  return card;
}
