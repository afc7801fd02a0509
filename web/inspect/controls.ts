// Opacity, threshold, colour scale, and the choice of a view.
import { effect, type ReadonlySignal, type Signal } from '@preact/signals-core';
import { h, uniqueId } from '../core/dom.ts';
import { type IconName, icon } from '../core/icons.ts';
import { type Display, type View, views } from './display.ts';

const viewNames: Record<View, readonly [string, IconName]> = {
  overlay: ['Overlay', 'layers'],
  side: ['Side by side', 'columns'],
  slider: ['Slider', 'slider'],
};

/** Radio buttons in the dress of a segmented control: arrow keys move between them. */
export function viewSwitch({ view }: Display): HTMLElement {
  const name = uniqueId('view');
  const options = views.map((value) => {
    const [label, symbol] = viewNames[value];
    const input = h('input', {
      type: 'radio',
      name,
      value,
      class: 'visually-hidden',
      onchange: () => {
        view.value = value;
      },
    });
    effect(() => {
      input.checked = view.value === value;
    });
    return h('label', { class: 'segment' }, input, icon(symbol), h('span', {}, label));
  });
  return h('div', { class: 'segments', role: 'radiogroup', 'aria-label': 'View' }, ...options);
}

/** A labelled slider from 0 to 1, with its value beside the label. */
export function slider(label: string, value: Signal<number>, className = ''): HTMLElement {
  const id = uniqueId('slider');
  const output = h('output', { for: id });
  const input = h('input', {
    id,
    type: 'range',
    min: 0,
    max: 100,
    class: className,
    oninput: () => {
      value.value = Number(input.value) / 100;
    },
  });
  effect(() => {
    const percent = Math.round(100 * value.value);
    input.value = String(percent);
    input.setAttribute('aria-valuetext', `${percent} percent`);
    output.textContent = `${percent} %`;
  });
  return h('div', { class: 'field' }, h('label', { for: id }, label), output, input);
}

function checkbox(
  label: string,
  value: ReadonlySignal<boolean>,
  change: (value: boolean) => void,
): HTMLElement {
  const input = h('input', {
    type: 'checkbox',
    onchange: () => change(input.checked),
  });
  effect(() => {
    input.checked = value.value;
  });
  return h('label', { class: 'check' }, input, label);
}

/** @param stretched whether the photograph that is shown is, and how to change that */
export const displayControls = (
  display: Display,
  stretched: ReadonlySignal<boolean>,
  stretch: (value: boolean) => void,
  tiles: Signal<number>,
): HTMLElement =>
  h(
    'section',
    { class: 'card', 'aria-labelledby': 'display-heading' },
    h('h2', { id: 'display-heading' }, 'Display'),
    slider('Heat opacity', display.opacity),
    slider('Suspicious from', display.threshold, 'heat-scale'),
    checkbox('Outline suspicious regions', display.outlines, (value) => {
      display.outlines.value = value;
    }),
    checkbox('Stretch colours to this photograph', stretched, stretch),
    tileChoice(tiles),
  );

/** For small defects in large photographs: each tile is looked at by itself. */
function tileChoice(tiles: Signal<number>): HTMLElement {
  const id = uniqueId('tiles');
  const select = h(
    'select',
    {
      id,
      onchange: () => {
        tiles.value = Number(select.value);
      },
    },
    h('option', { value: 1 }, 'Whole photograph'),
    ...[2, 3, 4, 6].map((n) => h('option', { value: n }, `${n} × ${n} tiles (${n * n} times as long)`)),
  );
  effect(() => {
    select.value = String(tiles.value);
  });
  return h('div', { class: 'field' }, h('label', { for: id }, 'Look at'), select);
}
