// Which model the results come from, and what it says about itself.
import { effect } from '@preact/signals-core';
import { fill, h } from '../core/dom.ts';
import { notice } from '../core/notice.ts';
import type { Engine } from '../engine/engine.ts';

export function modelLine({ choice, info, warnings }: Engine): HTMLElement {
  const line = h('div', { class: 'model-line quiet' });
  effect(() => {
    const { clip, prompts } = choice.value;
    const loaded = info.value;
    fill(
      line,
      ...warnings.value
        .filter(({ kind }) => kind !== 'notice')
        .map(({ message }) => notice({ tone: 'warning', title: 'Storage', text: message })),
      h(
        'p',
        {},
        `${clip.label}, ${prompts?.label ?? 'no prompts yet'}. `,
        h('a', { href: '#model' }, 'Change'),
      ),
      loaded && h('p', {}, `Computed on ${loaded.adapter}${loaded.software ? ', in software: slow' : ''}.`),
    );
  });
  return line;
}
