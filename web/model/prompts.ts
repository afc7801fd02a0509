// What counts as a defect: prompts from a file.
import { h } from '../core/dom.ts';
import { filePicker } from '../core/picker.ts';
import { promptsFrom } from '../engine/choice.ts';
import type { Engine } from '../engine/engine.ts';
import type { Use } from './model.ts';

export function promptsSection(engine: Engine, use: Use): HTMLElement {
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'prompts-heading' },
    h('h2', { id: 'prompts-heading' }, 'Prompts'),
    h(
      'p',
      { class: 'quiet' },
      'What counts as a defect, learnt for one CLIP: from Train, or from faprompt train.',
    ),
    h(
      'div',
      { class: 'row' },
      filePicker({ label: 'From a file', icon: 'file', accept: '.safetensors' }, async (input) => {
        const file = input.files![0]!;
        // The size was that of the prompts before.
        const { size: _, ...rest } = engine.choice.peek();
        await use({ ...rest, prompts: await promptsFrom(file.name, file) });
      }),
    ),
  );
}
