// What counts as a defect: prompts from a file, or plain words.
import { effect, type ReadonlySignal } from '@preact/signals-core';
import { h, uniqueId } from '../core/dom.ts';
import { filePicker } from '../core/picker.ts';
import { promptsFrom, writtenChoice, writtenObject } from '../engine/choice.ts';
import type { Engine } from '../engine/engine.ts';
import { saysTiles } from '../studio/threshold.ts';
import type { Use } from './use.ts';

export function promptsSection(engine: Engine, use: Use): HTMLElement {
  const id = uniqueId('object');
  const object = h('input', {
    id,
    type: 'text',
    maxlength: 60,
    placeholder: 'metal nut',
    autocomplete: 'off',
    'aria-describedby': `${id}-hint`,
  });
  const { choice }: { choice: ReadonlySignal<Engine['choice']['value']> } = engine;
  effect(() => {
    object.value = writtenObject(choice.value.prompts) ?? object.value;
  });
  /** The size was that of the prompts before. */
  const without = () => {
    const { size: _, ...rest } = choice.peek();
    return rest;
  };
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'prompts-heading' },
    h('h2', { id: 'prompts-heading' }, 'Prompts'),
    h(
      'p',
      { class: 'quiet' },
      'What counts as a defect. Learnt for one CLIP: from Train, or from faprompt train.',
    ),
    h(
      'div',
      { class: 'row' },
      filePicker({ label: 'From a file', icon: 'file', accept: '.safetensors' }, async (input) => {
        const file = input.files![0]!;
        const { tiles, ...rest } = without();
        await use({
          ...rest,
          // What a limit in the file was chosen with.
          ...(tiles === undefined || (await saysTiles(file)) ? {} : { tiles }),
          prompts: await promptsFrom(file.name, file),
        });
      }),
    ),
    h(
      'form',
      {
        class: 'address',
        onsubmit: (event: Event) => {
          event.preventDefault();
          void use({ ...without(), prompts: writtenChoice(object.value) });
        },
      },
      h('label', { for: id }, 'No training: say what the parts are'),
      h(
        'div',
        { class: 'row nowrap' },
        object,
        h('button', { type: 'submit', class: 'button' }, 'Use these words'),
      ),
      h(
        'p',
        { class: 'quiet', id: `${id}-hint` },
        'In English, what a photograph shows: “metal nut”, “woven fabric”. The model compares it with sentences about flawless and damaged ones.',
      ),
    ),
  );
}
