// The view "Model": which CLIP, which prompts, and what is kept in the browser.
import { effect, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { fill, h, uniqueId } from '../core/dom.ts';
import { formatSize } from '../core/format.ts';
import { notice } from '../core/notice.ts';
import { filePicker } from '../core/picker.ts';
import { progressCard } from '../core/progress.ts';
import { choiceOf, type ModelChoice, photoChoice, shippedChoice, writtenChoice } from '../engine/choice.ts';
import type { Engine } from '../engine/engine.ts';
import { limitInWords } from '../engine/limit.ts';
import { explain, type Problem } from '../engine/problems.ts';
import { knownModels } from './known.ts';
import { promptsSection } from './prompts.ts';
import { sizeForm } from './size.ts';
import { storedWeights } from './stored.ts';
import type { TryUse, Use } from './use.ts';

export function modelView(engine: Engine): HTMLElement {
  const problem = signal<Problem | undefined>(undefined);
  const stored = storedWeights(engine);
  const refreshed = signal(0);
  const tryUse: TryUse = async (choice) => {
    problem.value = undefined;
    try {
      await engine.use(choice);
      announce(`${choice.clip.label} is open${choice.prompts ? `, with ${choice.prompts.label}` : ''}.`);
    } catch (error) {
      problem.value = explain(error);
    }
    await stored.refresh();
    refreshed.value += 1;
    return problem.peek();
  };
  const use: Use = async (choice) => void (await tryUse(choice));
  /** A CLIP, with what says at once what a defect is: its own prompts where it is the one of this page, else words. */
  const useClip = async (clip: ModelChoice['clip']): Promise<void> => {
    if (await tryUse({ clip })) return;
    const learnt = engine.learnt.peek();
    const own = learnt && choiceOf(learnt).prompts;
    const failed = await tryUse({ clip, prompts: own ?? writtenChoice('') });
    // Its words are too few for sentences: prompts can be trained for it all the same.
    if (failed?.kind === 'bad-text') problem.value = undefined;
  };

  const now = h('dl', { class: 'facts' });
  const warnings = h('div', { class: 'messages' });
  const choices = h(
    'div',
    { class: 'stack' },
    knownModels(engine, tryUse, refreshed),
    clipSection(use, useClip),
    promptsSection(engine, use),
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
    fill(now, ...facts(engine).flatMap(([term, text]) => [h('dt', {}, term), h('dd', {}, text)]));
  });
  effect(() => {
    const failed = problem.value;
    const locked = engine.locked.value;
    // What was asked for may be far below.
    if (failed && failed.kind !== 'stopped')
      requestAnimationFrame(() => warnings.scrollIntoView({ block: 'nearest' }));
    choices.toggleAttribute('inert', locked);
    fill(
      warnings,
      locked &&
        notice({
          tone: 'info',
          title: 'Training is under way',
          text: 'The model can be changed when it has ended.',
        }),
      failed && failed.kind !== 'stopped' && notice(failed),
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

function facts({ choice, info, known, limit }: Engine): readonly (readonly [string, string])[] {
  const { clip, prompts, size } = choice.value;
  const open = info.value;
  const about = known.value;
  return [
    ['CLIP', clip.label],
    ['Prompts', prompts?.label ?? 'none yet: choose a file, say what the parts are, or train some'],
    ...(open
      ? []
      : ([['State', `opened with the first photograph${size ? `, at ${size} pixels` : ''}`]] as const)),
    ...(about
      ? ([
          ['Parameters', `${(about.clip.parameters / 1e6).toFixed(1)} million`],
          ['Images', `${about.size} × ${about.size} pixels`],
          ['Limit', limit.value ? limitInWords(limit.value) : 'not calibrated'],
          ['Device', about.adapter],
          ...(open ? ([['GPU memory', formatSize(open.memory)]] as const) : []),
          ['sha256', `${about.clip.sha256.slice(0, 16)}…`],
        ] as const)
      : []),
  ];
}

function clipSection(use: Use, useClip: (clip: ModelChoice['clip']) => Promise<void>): HTMLElement {
  const addressId = uniqueId('address');
  const address = h('input', {
    id: addressId,
    type: 'url',
    required: true,
    placeholder: 'https://example.org/clip.safetensors',
    autocomplete: 'url',
    spellcheck: false,
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'clip-heading' },
    h('h2', { id: 'clip-heading' }, 'Another CLIP'),
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
      h(
        'button',
        {
          type: 'button',
          class: 'button',
          title: 'Learnt from a few thousand photographs: 7 MB, fetched once',
          onclick: () => use(photoChoice()),
        },
        'CLIP for photographs',
      ),
      filePicker(
        { label: 'From files', icon: 'file', accept: '.safetensors,.pt,.bin,.json', multiple: true },
        (input) => {
          const files = [...input.files!];
          void useClip({ label: files[0]!.name, source: files });
        },
      ),
    ),
    h(
      'form',
      {
        class: 'address',
        onsubmit: (event: Event) => {
          event.preventDefault();
          const url = new URL(address.value, document.baseURI);
          void useClip({ label: url.pathname.split('/').at(-1) || url.host, source: url });
        },
      },
      h('label', { for: addressId }, 'From an address'),
      h('div', { class: 'row nowrap' }, address, h('button', { type: 'submit', class: 'button' }, 'Open')),
      h(
        'p',
        { class: 'quiet' },
        'The page asks no other server unless you enter its address here, or choose a real CLIP above. The server must allow it (CORS) and serve ranges.',
      ),
    ),
  );
}
