// The few settings of a run that are worth changing.
import { h, uniqueId } from '../core/dom.ts';
import type { RunSettings } from './run.ts';

export interface SettingsForm {
  readonly element: HTMLElement;
  /** What is entered, brought into bounds. */
  read(): RunSettings;
  write(settings: RunSettings): void;
}

interface NumberField {
  readonly element: HTMLElement;
  value(): number;
  set(value: number): void;
}

function numberField(
  label: string,
  hint: string,
  initial: number,
  { low, high, step }: Readonly<Record<'low' | 'high' | 'step', number>>,
): NumberField {
  const id = uniqueId('setting');
  const input = h('input', {
    id,
    type: 'number',
    min: low,
    max: high,
    step,
    value: initial,
    inputmode: 'decimal',
    'aria-describedby': `${id}-hint`,
  });
  return {
    element: h(
      'div',
      { class: 'number-field' },
      h('label', { for: id }, label),
      input,
      h('p', { id: `${id}-hint`, class: 'quiet' }, hint),
    ),
    value() {
      const value = Number.isFinite(input.valueAsNumber) ? input.valueAsNumber : initial;
      return Math.max(low, Math.min(high, value));
    },
    set(value) {
      input.value = String(value);
    },
  };
}

export function settingsForm(): SettingsForm {
  const epochs = numberField('Epochs', 'Passes over the images', 5, { low: 1, high: 1000, step: 1 });
  const batch = numberField('Images a step', 'Fewer need less memory', 4, { low: 1, high: 64, step: 1 });
  const learningRate = numberField('Learning rate', 'Published: 0.001', 0.001, {
    low: 0.00001,
    high: 0.1,
    step: 0.0001,
  });
  const held = numberField('Set aside', 'Percent of the images, to check the prompts with', 20, {
    low: 0,
    high: 50,
    step: 5,
  });
  const seed = numberField('Seed', 'Same seed, same prompts', 0, { low: 0, high: 2 ** 31, step: 1 });
  return {
    element: h(
      'div',
      { class: 'settings' },
      ...[epochs, batch, learningRate, held, seed].map(({ element }) => element),
    ),
    read: () => ({
      epochs: Math.round(epochs.value()),
      batch: Math.round(batch.value()),
      learningRate: learningRate.value(),
      held: held.value() / 100,
      seed: Math.round(seed.value()),
    }),
    write(settings) {
      epochs.set(settings.epochs);
      batch.set(settings.batch);
      learningRate.set(settings.learningRate);
      held.set(Math.round(100 * settings.held));
      seed.set(settings.seed);
    },
  };
}
