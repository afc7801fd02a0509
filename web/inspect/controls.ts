// Opacity, threshold, colour scale, and the choice of a view.
import { effect, type ReadonlySignal, type Signal } from '@preact/signals-core';
import { defaultOverlap, describeTiles } from '../../src/base/tile-options.ts';
import { h, uniqueId } from '../core/dom.ts';
import { type IconName, icon } from '../core/icons.ts';
import type { Engine } from '../engine/engine.ts';
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

export interface Stretching {
  /** Whether the colours of the photograph that is shown are stretched. */
  readonly stretched: ReadonlySignal<boolean>;
  stretch(value: boolean): void;
}

/**
 * @param look looks at photographs in so many tiles, or whole; settles when that is so, or did not work
 */
export const displayControls = (
  display: Display,
  { stretched, stretch }: Stretching,
  engine: Engine,
  look: (tiles: number | false) => Promise<void>,
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
    tileChoice(engine, look),
  );

const usualTiles = [2, 3, 4, 6];
/** Of a square photograph; a long one takes more of them. */
const tilesName = (n: number): string => `In ${n} × ${n} tiles or more (${n * n} times as long)`;

/** For small defects in large photographs: each tile is looked at by itself. */
function tileChoice({ tiles, locked }: Engine, look: (tiles: number | false) => Promise<void>): HTMLElement {
  const id = uniqueId('tiles');
  const own = h('option', { value: 'own' });
  const select = h(
    'select',
    {
      id,
      onchange: async () => {
        await look(select.value === '' ? false : Number(select.value));
        show();
      },
    },
    h('option', { value: '' }, 'Whole photograph'),
    ...usualTiles.map((n) => h('option', { value: n }, tilesName(n))),
    own,
  );
  /** What is so, whatever was asked for. */
  const show = () => {
    const now = tiles.value;
    const usual = !now || (usualTiles.includes(now.count) && now.overlap === defaultOverlap);
    own.hidden = usual;
    own.textContent = usual ? '' : `As the prompts say: ${describeTiles(now)}`;
    select.value = usual ? String(now?.count ?? '') : 'own';
  };
  effect(show);
  effect(() => {
    select.disabled = locked.value;
  });
  return h('div', { class: 'field' }, h('label', { for: id }, 'Look at'), select);
}
