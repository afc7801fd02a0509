// All photographs as thumbnails: which is shown, and how each came out. One stop for Tab; arrows go on from there.
import { effect } from '@preact/signals-core';
import { h } from '../core/dom.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { icon } from '../core/icons.ts';
import { rove } from '../core/roving.ts';
import { stopAll } from '../core/signals.ts';
import type { Judging } from './judged.ts';
import type { Photo, PhotoState, Photos } from './photos.ts';

const words: Record<PhotoState['kind'], string> = {
  waiting: 'waiting',
  working: 'being inspected',
  stopped: 'stopped',
  done: 'done',
  failed: 'could not be inspected',
};

const signs = { pass: 'check', fail: 'close' } as const;

/** @param remove takes a photograph away, with a way back */
export function filmstrip(
  { ordered, selected }: Photos,
  judging: Judging,
  remove: (photo: Photo) => void,
): HTMLElement {
  const list = h('ul', { class: 'filmstrip', 'aria-label': 'Photographs' });
  const items = new Map<Photo, { element: HTMLElement; button: HTMLButtonElement; stop: () => void }>();
  /** So that the one that is shown is in sight. */
  const bringIntoSight = (element: HTMLElement) =>
    requestAnimationFrame(() => {
      const [strip, own] = [list, element].map((one) => one.getBoundingClientRect()) as [DOMRect, DOMRect];
      if (own.left < strip.left || own.right > strip.right) list.scrollBy({ left: own.left - strip.left });
    });
  effect(() => {
    const photos = ordered.value;
    const shown = new Set(photos);
    for (const [photo, { element, stop }] of items) {
      if (shown.has(photo)) continue;
      stop();
      element.remove();
      items.delete(photo);
    }
    let before: Element | null = null;
    for (const photo of photos) {
      const known = items.get(photo) ?? thumbnail(photo);
      items.set(photo, known);
      // Moved only where it has to: a move takes the focus away.
      const place: Element | null = before ? before.nextElementSibling : list.firstElementChild;
      if (place !== known.element) list.insertBefore(known.element, place);
      before = known.element;
    }
    list.hidden = photos.length === 0;
  });

  const focusSelected = () =>
    rescueFocus(() => (selected.peek() ? items.get(selected.peek()!)?.button : undefined), visibleHeading);
  const dismissPhoto = (photo: Photo) => {
    remove(photo);
    focusSelected();
  };
  list.addEventListener('keydown', (event) => {
    const photos = ordered.peek();
    const buttons = photos.map((photo) => items.get(photo)!.button);
    const photoOf = (button: HTMLElement) => photos[buttons.indexOf(button as HTMLButtonElement)]!;
    rove(event, {
      buttons: () => buttons,
      go: (button) => {
        selected.value = photoOf(button);
      },
      remove: (button) => dismissPhoto(photoOf(button)),
    });
  });

  function thumbnail(photo: Photo) {
    const badge = h('span', { class: 'badge', 'aria-hidden': 'true' });
    const button = h(
      'button',
      {
        type: 'button',
        class: 'thumb',
        title: photo.name,
        'aria-keyshortcuts': 'ArrowLeft ArrowRight Home End Delete',
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
        // The key Delete does the same.
        tabindex: -1,
        'aria-label': `Remove ${photo.name}`,
        onclick: () => dismissPhoto(photo),
      },
      icon('close'),
    );
    const element = h('li', {}, button, dismiss);
    const stops = [
      effect(() => {
        const state = photo.state.value;
        const reading = judging.reading(photo);
        const score = state.kind === 'done' ? state.result.score.toFixed(2) : '';
        const passes = state.kind === 'failed' ? 'fail' : reading?.passes;
        button.dataset.state = state.kind;
        button.dataset.verdict = passes ?? 'none';
        const said = score ? `${reading!.verdict}, score ${score}` : words[state.kind];
        button.setAttribute('aria-label', `${photo.name}, ${said}`);
        badge.replaceChildren(
          ...(state.kind === 'failed'
            ? [icon('warning')]
            : [...(reading?.passes ? [icon(signs[reading.passes])] : []), score]),
        );
      }),
      effect(() => {
        const shown = selected.value === photo;
        button.setAttribute('aria-pressed', String(shown));
        button.tabIndex = shown ? 0 : -1;
        if (shown) bringIntoSight(element);
      }),
    ];
    return { element, button, stop: () => stopAll(stops) };
  }
  return list;
}
