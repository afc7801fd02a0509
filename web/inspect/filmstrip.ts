// All photographs as thumbnails: which is shown, and how each came out.
import { effect } from '@preact/signals-core';
import { h } from '../core/dom.ts';
import { icon } from '../core/icons.ts';
import type { Photo, PhotoState, Photos } from './photos.ts';

const words: Record<PhotoState['kind'], string> = {
  waiting: 'waiting',
  working: 'being inspected',
  stopped: 'stopped',
  done: 'done',
  failed: 'could not be inspected',
};

export function filmstrip({ all, selected, remove }: Photos): HTMLElement {
  const list = h('ul', { class: 'filmstrip', 'aria-label': 'Photographs' });
  const items = new Map<Photo, { element: HTMLElement; stop: () => void }>();
  /** So that the one that is shown is in sight. */
  const bringIntoSight = (element: HTMLElement) =>
    requestAnimationFrame(() => {
      const [strip, own] = [list, element].map((one) => one.getBoundingClientRect()) as [DOMRect, DOMRect];
      if (own.left < strip.left || own.right > strip.right) list.scrollBy({ left: own.left - strip.left });
    });
  effect(() => {
    const photos = all.value;
    for (const [photo, { element, stop }] of items) {
      if (photos.includes(photo)) continue;
      stop();
      element.remove();
      items.delete(photo);
    }
    for (const photo of photos) {
      if (items.has(photo)) continue;
      const made = thumbnail(photo);
      items.set(photo, made);
      list.append(made.element);
    }
    list.hidden = photos.length === 0;
  });

  function thumbnail(photo: Photo): { element: HTMLElement; stop: () => void } {
    const badge = h('span', { class: 'badge', 'aria-hidden': 'true' });
    const button = h(
      'button',
      {
        type: 'button',
        class: 'thumb',
        title: photo.name,
        onclick: () => {
          selected.value = photo;
        },
      },
      h('img', {
        src: photo.url,
        alt: '',
        loading: 'lazy',
        decoding: 'async',
        onerror: (event: Event) => (event.target as HTMLElement).toggleAttribute('data-broken', true),
      }),
      badge,
    );
    const dismiss = h(
      'button',
      {
        type: 'button',
        class: 'dismiss',
        'aria-label': `Remove ${photo.name}`,
        onclick: () => remove(photo),
      },
      icon('close'),
    );
    const element = h('li', {}, button, dismiss);
    const stop = effect(() => {
      const state = photo.state.value;
      const score = state.kind === 'done' ? state.detection.score.toFixed(2) : '';
      button.dataset.state = state.kind;
      const shown = selected.value === photo;
      button.setAttribute('aria-pressed', String(shown));
      if (shown) bringIntoSight(element);
      button.setAttribute('aria-label', `${photo.name}, ${score ? `score ${score}` : words[state.kind]}`);
      badge.replaceChildren(state.kind === 'failed' ? icon('warning') : score);
    });
    return { element, stop };
  }
  return list;
}
