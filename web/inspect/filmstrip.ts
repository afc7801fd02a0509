// All photographs as thumbnails: which is shown, and how each came out. One stop for Tab; arrows go on from there.
// Only those near the part that is in sight have elements, however many there are.
import { computed, effect, type Signal, signal } from '@preact/signals-core';
import { h, nextTask, oncePerFrame } from '../core/dom.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { icon } from '../core/icons.ts';
import { rove } from '../core/roving.ts';
import { stopAll } from '../core/signals.ts';
import type { Judging } from './judged.ts';
import type { Photo, PhotoState } from './photo.ts';
import type { Photos } from './photos.ts';

const words: Record<PhotoState['kind'], string> = {
  waiting: 'waiting',
  working: 'being inspected',
  stopped: 'stopped',
  done: 'done',
  failed: 'could not be inspected',
};

const signs = { pass: 'check', fail: 'close' } as const;

/** Thumbnails on either side of those in sight that are there before somebody scrolls to them; moved by half of it. */
const margin = 12;

interface Thumbnail {
  readonly element: HTMLElement;
  readonly button: HTMLButtonElement;
  stop(): void;
}

/** @param remove takes a photograph away, with a way back */
export function filmstrip(
  { ordered, selected }: Photos,
  judging: Judging,
  remove: (photo: Photo) => void,
): HTMLElement {
  const list = h('ul', { class: 'filmstrip', 'aria-label': 'Photographs' });
  const items = new Map<Photo, Thumbnail>();
  const places = computed(() => new Map(ordered.value.map((photo, at) => [photo, at])));
  const sight = inSight(list);
  /** The photographs that have thumbnails: the one that is shown always has. */
  const near = computed(() => {
    const { first, count } = sight.value;
    const begin = Math.max(0, first - margin);
    const some = ordered.value.slice(begin, first + count + margin);
    const at = selected.value && places.value.get(selected.value);
    if (at === undefined || (at >= begin && at < begin + some.length)) return some;
    return at < begin ? [selected.value!, ...some] : [...some, selected.value!];
  });
  const dismiss = (photo: Photo) => {
    remove(photo);
    rescueFocus(() => (selected.peek() ? items.get(selected.peek()!)?.button : undefined), visibleHeading);
  };
  effect(() => {
    const photos = near.value;
    const shown = new Set(photos);
    for (const [photo, { element, stop }] of items) {
      if (shown.has(photo)) continue;
      stop();
      element.remove();
      items.delete(photo);
    }
    const all = ordered.value.length;
    let before: Element | null = null;
    for (const photo of photos) {
      const known = items.get(photo) ?? thumbnail(photo, selected, { judging, dismiss });
      items.set(photo, known);
      before = putBehind(before, known.element, list);
      number(known.element, places.value.get(photo)!, all);
    }
    list.style.setProperty('--count', String(all));
    list.hidden = all === 0;
  });
  // So that the one that is shown is in sight.
  effect(() => {
    const photo = selected.value;
    if (!photo) return;
    requestAnimationFrame(() => {
      const at = places.peek().get(photo);
      if (at !== undefined && photo === selected.peek()) bringIntoSight(list, at);
    });
  });
  list.addEventListener('keydown', (event) => {
    const photos = ordered.peek();
    const [from] = [...items].find(([, { element }]) => element.contains(event.target as Node)) ?? [];
    rove(event, {
      count: photos.length,
      at: from ? places.peek().get(from)! : -1,
      go(to) {
        selected.value = photos[to];
        items.get(photos[to]!)!.button.focus();
      },
      remove: (at) => dismiss(photos[at]!),
    });
  });
  return list;
}

/** Distance from one thumbnail to the next, in pixels. */
const pitch = (list: HTMLElement): number =>
  Number.parseFloat(getComputedStyle(list).getPropertyValue('--pitch')) || 1;

/** The first thumbnail in sight, and how many are. */
function inSight(list: HTMLElement) {
  const sight = signal({ first: 0, count: 0 });
  const look = oncePerFrame(() => {
    const [half, wide] = [margin / 2, pitch(list)];
    const first = Math.floor(list.scrollLeft / wide / half) * half;
    const count = Math.ceil(list.clientWidth / wide) + half;
    const now = sight.peek();
    if (first !== now.first || count !== now.count) sight.value = { first, count };
  });
  list.addEventListener('scroll', () => look(), { passive: true });
  new ResizeObserver(() => look()).observe(list);
  return sight;
}

function bringIntoSight(list: HTMLElement, at: number): void {
  const [left, wide] = [at * pitch(list), pitch(list)];
  if (left < list.scrollLeft || left + wide > list.scrollLeft + list.clientWidth)
    list.scrollTo({ left: Math.max(0, left - wide / 2) });
}

/** Moves an element only where it has to: a move takes the focus away. */
function putBehind(before: Element | null, element: Element, list: Element): Element {
  const next = before ? before.nextElementSibling : list.firstElementChild;
  if (next !== element) list.insertBefore(element, next);
  return element;
}

/** Says which of all it is. */
function number(element: HTMLElement, at: number, all: number): void {
  element.style.setProperty('--at', String(at));
  element.setAttribute('aria-posinset', String(at + 1));
  element.setAttribute('aria-setsize', String(all));
}

function thumbnail(
  photo: Photo,
  selected: Signal<Photo | undefined>,
  { judging, dismiss }: { readonly judging: Judging; readonly dismiss: (photo: Photo) => void },
): Thumbnail {
  const picture = h('img', {
    alt: '',
    loading: 'lazy',
    decoding: 'async',
    onerror: () => picture.toggleAttribute('data-broken', true),
  });
  // Each in a task of its own: the browser is asked for an address, and answers when it can.
  void nextTask().then(() => {
    if (picture.isConnected) picture.src = photo.url;
  });
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
    picture,
    badge,
  );
  const away = h(
    'button',
    {
      type: 'button',
      class: 'dismiss',
      // The key Delete does the same.
      tabindex: -1,
      'aria-label': `Remove ${photo.name}`,
      onclick: () => dismiss(photo),
    },
    icon('close'),
  );
  const element = h('li', {}, button, away);
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
    }),
  ];
  return { element, button, stop: () => stopAll(stops) };
}
