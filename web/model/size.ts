// The side of the images, and what another one costs.
import { effect, signal } from '@preact/signals-core';
import { h, uniqueId } from '../core/dom.ts';
import type { ModelChoice } from '../engine/choice.ts';
import type { Engine } from '../engine/engine.ts';

/** From so many times the patches on, a size is worth a word. */
const much = 3;

export function sizeForm(engine: Engine, use: (choice: ModelChoice) => Promise<void>): HTMLElement {
  const id = uniqueId('size');
  const entered = signal('');
  const input = h('input', {
    id,
    type: 'number',
    min: 16,
    max: 2048,
    step: 1,
    inputmode: 'numeric',
    placeholder: 'automatic',
    'aria-describedby': `${id}-hint ${id}-cost`,
    oninput: () => {
      entered.value = input.value;
    },
  });
  const cost = h('p', { class: 'note', id: `${id}-cost`, role: 'status' });
  effect(() => {
    cost.textContent =
      costOf(Number(entered.value), engine.known.value, engine.choice.value.size === undefined) ?? '';
    cost.hidden = cost.textContent === '';
  });
  effect(() => {
    const { size } = engine.choice.value;
    input.value = size === undefined ? '' : String(size);
    entered.value = input.value;
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'size-heading' },
    h('h2', { id: 'size-heading' }, 'Image size'),
    h(
      'p',
      { class: 'quiet', id: `${id}-hint` },
      'Images are squashed to a square of this side, in Inspect and in Train. Smaller is faster, needs less memory and sees less. A multiple of the patch size.',
    ),
    h(
      'form',
      {
        class: 'row',
        onsubmit: (event: Event) => {
          event.preventDefault();
          const { size: _, ...rest } = engine.choice.peek();
          void use(input.value === '' ? rest : { ...rest, size: input.valueAsNumber });
        },
      },
      h('label', { for: id }, 'Side in pixels'),
      input,
      h('button', { type: 'submit', class: 'button' }, 'Apply'),
    ),
    cost,
  );
}

/**
 * What a size means beside the one that the model is used to, if it is much.
 * @param automatic the size in use is that of the prompts
 */
export function costOf(
  side: number,
  known: Engine['known']['value'],
  automatic: boolean,
): string | undefined {
  if (!known || !(side > 0)) return undefined;
  const { patch, imageResolution } = known.clip;
  if (side % patch !== 0) {
    const near = Math.max(patch, Math.round(side / patch) * patch);
    return `${side} is no multiple of the patch size ${patch}: ${near} is the nearest that is.`;
  }
  const usual = automatic ? known.size : imageResolution;
  const times = (side / usual) ** 2;
  if (times < much) return undefined;
  const patches = (side / patch) ** 2;
  // Scores of every patch against every other, in f32, of one head at a time and both streams.
  const memory = (2 * patches ** 2 * 4) / 1e9;
  return [
    `${side} pixels are ${Math.round(times)} times as many as the ${usual} that the model is used to: a photograph takes at least ${Math.round(times)} times as long`,
    memory > 0.5 ? ` and some ${memory.toFixed(1)} GB of graphics memory more` : '',
    ', and scores may mean less.',
  ].join('');
}
