// The images to train on, each with what it counts as; a click opens the painter.
import { effect, signal } from '@preact/signals-core';
import { fill, h } from '../core/dom.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { icon } from '../core/icons.ts';
import { rove } from '../core/roving.ts';
import { stopAll } from '../core/signals.ts';
import { type ItemKind, kindOf, type TrainItem, type TrainItems } from './items.ts';
import { paintMask } from './painter.ts';

/** More thumbnails than this help nobody. */
const shown = 60;

const names: Record<ItemKind, string> = {
  normal: 'Normal',
  defect: 'Defect',
  unusable: 'Needs a mask',
  unreadable: 'Not readable',
};

interface Cell {
  readonly element: HTMLElement;
  readonly button: HTMLButtonElement;
  stop(): void;
}

/** @param remove takes an image away, with a way back */
export function gallery({ all }: TrainItems, remove: (item: TrainItem) => void): HTMLElement {
  const list = h('ul', { class: 'gallery', 'aria-label': 'Training images' });
  const more = h('p', { class: 'quiet' });
  const cells = new Map<TrainItem, Cell>();
  const chosen = signal<TrainItem | undefined>(undefined);
  /** The one stop for Tab. */
  const current = () => chosen.value ?? all.value[0];

  const dismiss = (item: TrainItem) => {
    const items = all.peek();
    const at = items.indexOf(item);
    const next = items[at + 1] ?? items[at - 1];
    remove(item);
    chosen.value = next;
    rescueFocus(() => next && cells.get(next)?.button, visibleHeading);
  };
  const open = async (item: TrainItem) => {
    chosen.value = item;
    await paintMask(item);
    rescueFocus(() => cells.get(item)?.button, visibleHeading);
  };
  list.addEventListener('keydown', (event) => {
    const items = all.peek().filter((item) => cells.has(item) && kindOf(item) !== 'unreadable');
    const buttonOf = (item: TrainItem) => cells.get(item)!.button;
    rove(event, {
      count: items.length,
      at: items.findIndex((item) => buttonOf(item).parentElement!.contains(event.target as Node)),
      go(to) {
        chosen.value = items[to];
        buttonOf(items[to]!).focus();
      },
      remove: (at) => dismiss(items[at]!),
      perRow: () => getComputedStyle(list).gridTemplateColumns.split(' ').length,
    });
  });

  effect(() => {
    const items = all.value.slice(0, shown);
    for (const [item, { stop }] of cells) {
      if (items.includes(item)) continue;
      stop();
      cells.delete(item);
    }
    if (chosen.peek() && !items.includes(chosen.peek()!)) chosen.value = undefined;
    fill(
      list,
      ...items.map((item) => {
        const known = cells.get(item) ?? createCell(item, current, { open, dismiss });
        cells.set(item, known);
        return known.element;
      }),
    );
    const rest = all.value.length - items.length;
    more.textContent = rest > 0 ? `and ${plural(rest, 'more image')}` : '';
  });
  return h('div', { class: 'stack' }, summary(all), list, more);
}

/** How many there are of each kind. */
function summary(all: TrainItems['all']): HTMLElement {
  const element = h('p', { class: 'quiet', role: 'status' });
  effect(() => {
    const kinds = all.value.map(kindOf);
    const count = (kind: ItemKind) => kinds.filter((other) => other === kind).length;
    const [unusable, unreadable] = [count('unusable'), count('unreadable')];
    element.textContent =
      kinds.length === 0
        ? ''
        : `${count('normal')} normal, ${count('defect')} with a defect${unusable > 0 ? `, ${unusable} without the mask that they need (left out)` : ''}${unreadable > 0 ? `, ${unreadable} that cannot be read (left out)` : ''}. Select an image to paint its mask.`;
  });
  return element;
}

/** An image with its mask and what it counts as. */
function createCell(
  item: TrainItem,
  current: () => TrainItem | undefined,
  { open, dismiss }: Readonly<Record<'open' | 'dismiss', (item: TrainItem) => void>>,
): Cell {
  const marked = h('span', { class: 'marked', 'aria-hidden': 'true' });
  const kind = h('span', { class: 'kind' });
  const button = h(
    'button',
    {
      type: 'button',
      class: 'thumb',
      title: item.name,
      'aria-keyshortcuts': 'ArrowLeft ArrowRight Delete',
      onclick: () => open(item),
    },
    h('img', {
      src: item.url,
      alt: '',
      loading: 'lazy',
      decoding: 'async',
      onerror: (event: Event) => (event.target as HTMLElement).toggleAttribute('data-broken', true),
    }),
    marked,
    kind,
  );
  let url: string | undefined;
  const stops = [
    effect(() => {
      const mask = item.mask.value;
      if (url) URL.revokeObjectURL(url);
      url = mask && URL.createObjectURL(mask);
      marked.hidden = !url;
      // Luminance: white is where the colour shows.
      marked.style.maskImage = url ? `url("${url}")` : '';
      const counts = kindOf(item);
      button.dataset.kind = counts;
      button.disabled = counts === 'unreadable';
      kind.textContent = names[counts];
      const does = counts === 'unreadable' ? '' : '. Paint its mask';
      button.setAttribute('aria-label', `${item.name}: ${names[counts]}${does}`);
    }),
    effect(() => {
      button.tabIndex = item === current() ? 0 : -1;
    }),
    () => url && URL.revokeObjectURL(url),
  ];
  const away = h(
    'button',
    {
      type: 'button',
      class: 'dismiss',
      // The key Delete does the same; what cannot be opened has only this.
      tabindex: kindOf(item) === 'unreadable' ? 0 : -1,
      'aria-label': `Remove ${item.name}`,
      onclick: () => dismiss(item),
    },
    icon('close'),
  );
  return { element: h('li', {}, button, away), button, stop: () => stopAll(stops) };
}
