// Above the thumbnails: how many fail, how many are to come, their order, and the keys that go from one to the next.
import { computed, effect, type ReadonlySignal } from '@preact/signals-core';
import { h, uniqueId } from '../core/dom.ts';
import { formatRemaining } from '../core/format.ts';
import type { Judging } from './judged.ts';
import type { Photo } from './photo.ts';
import type { Order, Photos } from './photos.ts';

const orders: readonly (readonly [Order, string])[] = [
  ['added', 'As added'],
  ['score', 'Worst first'],
];

/** @param pace seconds that a photograph takes */
export function overview(
  { all, order }: Photos,
  judging: Judging,
  pace: ReadonlySignal<number | undefined>,
): HTMLElement {
  const counts = h('p', { class: 'counts' });
  const id = uniqueId('order');
  const select = h(
    'select',
    {
      id,
      onchange: () => {
        order.value = select.value as Order;
      },
    },
    ...orders.map(([value, label]) => h('option', { value }, label)),
  );
  const element = h(
    'div',
    { class: 'overview row spread' },
    counts,
    h('div', { class: 'row nowrap' }, h('label', { class: 'quiet', for: id }, 'Order'), select),
  );
  const text = computed(() => {
    const left = all.value.filter(({ state }) => ['waiting', 'working'].includes(state.value.kind)).length;
    const time = left > 1 && pace.value !== undefined ? `, ${formatRemaining(left * pace.value)}` : '';
    return [judging.summary(all.value), left > 0 && `${left} to go${time}.`].filter(Boolean).join(' ');
  });
  effect(() => {
    element.hidden = all.value.length < 2;
    counts.textContent = text.value;
  });
  effect(() => {
    select.value = order.value;
  });
  return element;
}

/** Elements that want the arrows for themselves. */
const ownArrows = 'input, select, textarea, video, [role=application], [data-arrows], .filmstrip';

/** Left and right go through the photographs wherever nothing else wants these keys; with Shift to the next failure. */
export function photoKeys({ ordered, selected }: Photos, judging: Judging, active: () => boolean): void {
  const fails = (photo: Photo) =>
    photo.state.peek().kind === 'failed' || judging.reading(photo)?.passes === 'fail';
  document.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (!active() || document.querySelector('dialog[open]')) return;
    if ((event.target as Element).closest?.(ownArrows)) return;
    const photos = ordered.peek();
    const at = photos.indexOf(selected.peek()!);
    if (at < 0) return;
    event.preventDefault();
    for (let to = at + step; to >= 0 && to < photos.length; to += step) {
      if (event.shiftKey && !fails(photos[to]!)) continue;
      selected.value = photos[to];
      return;
    }
  });
}
