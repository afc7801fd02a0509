// The view "Model": which CLIP, which prompts, and what is kept in the browser.
import { effect, signal } from '@preact/signals-core';
import { fill, h, uniqueId } from '../core/dom.ts';
import { formatSize } from '../core/format.ts';
import { notice } from '../core/notice.ts';
import { filePicker } from '../core/picker.ts';
import { progressCard } from '../core/progress.ts';
import { type ModelChoice, shippedChoice } from '../engine/choice.ts';
import type { Engine } from '../engine/engine.ts';
import { explain, type Problem } from '../engine/problems.ts';
import { storedWeights } from './stored.ts';

export function modelView(engine: Engine): HTMLElement {
  const problem = signal<Problem | undefined>(undefined);
  const stored = storedWeights(engine);
  const use = async (choice: ModelChoice) => {
    problem.value = undefined;
    try {
      await engine.use(choice);
    } catch (error) {
      problem.value = explain(error);
    }
    stored.refresh();
  };
  const withPrompts = (label: string, source: Blob) =>
    use({ ...engine.choice.peek(), prompts: { label, source } });

  const addressId = uniqueId('address');
  const address = h('input', {
    id: addressId,
    type: 'url',
    required: true,
    placeholder: 'https://example.org/clip.safetensors',
    autocomplete: 'url',
    spellcheck: false,
  });
  const byAddress = h(
    'form',
    {
      class: 'address',
      onsubmit: (event: Event) => {
        event.preventDefault();
        const url = new URL(address.value, document.baseURI);
        use({ clip: { label: url.pathname.split('/').at(-1) || url.host, source: url } });
      },
    },
    h('label', { for: addressId }, 'From an address'),
    h('div', { class: 'row nowrap' }, address, h('button', { type: 'submit', class: 'button' }, 'Open')),
    h(
      'p',
      { class: 'quiet' },
      'The page asks no other server unless you enter its address here. The server must allow it (CORS) and serve ranges.',
    ),
  );

  const now = h('dl', { class: 'facts' });
  const warnings = h('div', { class: 'messages' });
  const choices = h(
    'div',
    { class: 'stack' },
    h(
      'section',
      { class: 'card', 'aria-labelledby': 'clip-heading' },
      h('h2', { id: 'clip-heading' }, 'CLIP'),
      h(
        'p',
        { class: 'quiet' },
        'The network that looks at images. Larger ones see more and need more memory. safetensors or PyTorch, with names of OpenAI, Hugging Face or OpenCLIP.',
      ),
      h(
        'div',
        { class: 'row' },
        h(
          'button',
          { type: 'button', class: 'button', onclick: () => use(shippedChoice()) },
          'Small CLIP of this page',
        ),
        filePicker(
          { label: 'From files', icon: 'file', accept: '.safetensors,.pt,.bin,.json', multiple: true },
          (input) => {
            const files = [...input.files!];
            use({ clip: { label: files[0]!.name, source: files } });
          },
        ),
      ),
      byAddress,
    ),
    h(
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
        filePicker({ label: 'From a file', icon: 'file', accept: '.safetensors' }, (input) => {
          const file = input.files![0]!;
          withPrompts(file.name, file);
        }),
      ),
    ),
    sizeForm(engine, use),
  );
  const view = h(
    'div',
    { class: 'model' },
    h(
      'header',
      { class: 'view-head' },
      h('h1', { tabindex: -1 }, 'Model'),
      h(
        'p',
        { class: 'lead' },
        'Which network looks at the photographs, and what it has learnt about defects.',
      ),
    ),
    h(
      'div',
      { class: 'model-columns' },
      h('div', { class: 'stack' }, warnings, choices),
      h(
        'div',
        { class: 'stack' },
        progressCard(engine.activity, engine.cancel),
        h(
          'section',
          { class: 'card', 'aria-labelledby': 'now-heading' },
          h('h2', { id: 'now-heading' }, 'In use'),
          now,
        ),
        stored.element,
      ),
    ),
  );

  effect(() => {
    const { clip, prompts, size } = engine.choice.value;
    const info = engine.info.value;
    const facts: readonly (readonly [string, string])[] = [
      ['CLIP', clip.label],
      ['Prompts', prompts?.label ?? 'none yet: choose a file, or train some'],
      ...(info
        ? ([
            ['Parameters', `${(info.clip.parameters / 1e6).toFixed(1)} million`],
            ['Images', `${info.size} × ${info.size} pixels`],
            ['Limit', info.prompts?.threshold?.toFixed(3) ?? 'not calibrated'],
            ['Device', info.adapter],
            ['GPU memory', formatSize(info.memory)],
            ['sha256', `${info.clip.sha256.slice(0, 16)}…`],
          ] as const)
        : ([['State', `opened with the first photograph${size ? `, at ${size} pixels` : ''}`]] as const)),
    ];
    fill(now, ...facts.flatMap(([term, text]) => [h('dt', {}, term), h('dd', {}, text)]));
  });
  effect(() => {
    const failed = problem.value;
    const locked = engine.locked.value;
    choices.toggleAttribute('inert', locked);
    fill(
      warnings,
      locked &&
        notice({
          tone: 'info',
          title: 'Training is under way',
          text: 'The model can be changed when it has ended.',
        }),
      failed &&
        failed.kind !== 'stopped' &&
        notice({ title: failed.title, text: failed.detail, hint: failed.hint }),
      ...engine.warnings.value.map(({ kind, message }) =>
        notice({
          tone: 'warning',
          title: kind === 'notice' ? 'About these weights' : 'Storage',
          text: message,
        }),
      ),
    );
  });
  return view;
}

function sizeForm(engine: Engine, use: (choice: ModelChoice) => void): HTMLElement {
  const id = uniqueId('size');
  const input = h('input', {
    id,
    type: 'number',
    min: 16,
    max: 2048,
    step: 1,
    inputmode: 'numeric',
    placeholder: 'automatic',
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'size-heading' },
    h('h2', { id: 'size-heading' }, 'Image size'),
    h(
      'p',
      { class: 'quiet', id: `${id}-hint` },
      'Images are squashed to a square of this side. Smaller is faster, needs less memory and sees less. A multiple of the patch size.',
    ),
    h(
      'form',
      {
        class: 'row',
        onsubmit: (event: Event) => {
          event.preventDefault();
          const { size: _, ...rest } = engine.choice.peek();
          use(input.value === '' ? rest : { ...rest, size: input.valueAsNumber });
        },
      },
      h('label', { for: id }, 'Side in pixels'),
      input,
      h('button', { type: 'submit', class: 'button' }, 'Apply'),
    ),
  );
}
