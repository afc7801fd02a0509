// The images to train on, each with what it counts as; a click opens the painter.
import { effect } from '@preact/signals-core';
import { fill, h } from '../core/dom.ts';
import { plural } from '../core/format.ts';
import { icon } from '../core/icons.ts';
import { kindOf, type TrainItem, type TrainItems } from './items.ts';
import { paintMask } from './painter.ts';

/** More thumbnails than this help nobody. */
const shown = 60;

const names = { normal: 'Normal', defect: 'Defect', unusable: 'Needs a mask' };

export function gallery({ all, remove }: TrainItems): HTMLElement {
  const summary = h('p', { class: 'quiet', role: 'status' });
  const list = h('ul', { class: 'gallery', 'aria-label': 'Training images' });
  const more = h('p', { class: 'quiet' });
  const cells = new Map<TrainItem, { element: HTMLElement; stop: () => void }>();

  function cell(item: TrainItem): { element: HTMLElement; stop: () => void } {
    const marked = h('span', { class: 'marked', 'aria-hidden': 'true' });
    const kind = h('span', { class: 'kind' });
    const button = h(
      'button',
      { type: 'button', class: 'thumb', title: item.name, onclick: () => paintMask(item) },
      h('img', { src: item.url, alt: '', loading: 'lazy', decoding: 'async' }),
      marked,
      kind,
    );
    let url: string | undefined;
    const stop = effect(() => {
      const mask = item.mask.value;
      if (url) URL.revokeObjectURL(url);
      url = mask && URL.createObjectURL(mask);
      marked.hidden = !url;
      // Luminance: white is where the colour shows.
      marked.style.maskImage = url ? `url("${url}")` : '';
      const counts = kindOf(item);
      button.dataset.kind = counts;
      kind.textContent = names[counts];
      button.setAttribute('aria-label', `${item.name}: ${names[counts]}. Paint its mask`);
    });
    const dismiss = h(
      'button',
      { type: 'button', class: 'dismiss', 'aria-label': `Remove ${item.name}`, onclick: () => remove(item) },
      icon('close'),
    );
    return { element: h('li', {}, button, dismiss), stop };
  }

  effect(() => {
    const items = all.value.slice(0, shown);
    for (const [item, { stop }] of cells) {
      if (items.includes(item)) continue;
      stop();
      cells.delete(item);
    }
    fill(
      list,
      ...items.map((item) => {
        const known = cells.get(item) ?? cell(item);
        cells.set(item, known);
        return known.element;
      }),
    );
    const rest = all.value.length - items.length;
    more.textContent = rest > 0 ? `and ${plural(rest, 'more image')}` : '';
  });
  effect(() => {
    const kinds = all.value.map(kindOf);
    const count = (kind: (typeof kinds)[number]) => kinds.filter((other) => other === kind).length;
    const unusable = count('unusable');
    summary.textContent =
      kinds.length === 0
        ? ''
        : `${count('normal')} normal, ${count('defect')} with a defect${unusable > 0 ? `, ${unusable} without the mask that they need (left out)` : ''}. Select an image to paint its mask.`;
  });
  return h('div', { class: 'stack' }, summary, list, more);
}
