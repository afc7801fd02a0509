// What a run learnt, and what can be done with it.
import { effect } from '@preact/signals-core';
import { fill, h } from '../core/dom.ts';
import { download } from '../core/download.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { icon } from '../core/icons.ts';
import { notice } from '../core/notice.ts';
import { offerUndo } from '../core/undo.ts';
import { promptsFrom } from '../engine/choice.ts';
import type { Engine } from '../engine/engine.ts';
import { explain } from '../engine/problems.ts';
import { enough } from './held.ts';
import type { Outcome, Unfinished } from './run.ts';
import type { RunParts, Start } from './start.ts';

export const promptsFile = ({ result }: Outcome): Blob =>
  new Blob([result.prompts], { type: 'application/octet-stream' });

/** What became of runs, while none is under way: a failure, one that did not come to its end, what was learnt. */
export function outcomes(
  engine: Engine,
  { run, work: { unfinished } }: Pick<RunParts, 'run' | 'work'>,
  { start, note }: { readonly start: Start; readonly note: (text: string) => void },
): HTMLElement {
  const element = h('div', { class: 'stack' });
  const failed = (error: unknown) => {
    const { title, text, hint } = explain(error);
    note([title, text, hint].filter(Boolean).join('. '));
  };
  const forget = (cut: Unfinished) => {
    unfinished.value = undefined;
    rescueFocus(visibleHeading);
    offerUndo('Unfinished run forgotten.', () => {
      unfinished.value = cut;
    });
  };
  effect(() => {
    const state = run.state.value;
    const learnt = run.outcome.value;
    const cut = run.busy.value ? undefined : unfinished.value;
    fill(
      element,
      state.kind === 'failed' &&
        notice({ ...state.problem, actions: [{ label: 'Start again', act: () => start('anew') }] }),
      cut &&
        unfinishedCard(
          cut,
          () => void start('resumed'),
          () => forget(cut),
        ),
      learnt && !run.busy.value && outcomeCard(learnt, engine, failed, () => start('on')),
    );
  });
  return element;
}

function outcomeCard(
  outcome: Outcome,
  engine: Engine,
  onProblem: (error: unknown) => void,
  trainOn: () => void,
): HTMLElement {
  const { steps, finished, problems } = outcome.result;
  const { held, settings } = outcome;
  const button = (label: string, act: () => void, primary = false) =>
    h('button', { type: 'button', class: `button ${primary ? 'primary' : ''}`, onclick: act }, label);
  const inspect = async () => {
    try {
      const prompts = await promptsFrom(`Trained here, ${steps} steps`, promptsFile(outcome));
      const { size: _, ...rest } = engine.choice.peek();
      await engine.use({ ...rest, prompts, ...(outcome.size ? { size: outcome.size } : {}) });
      location.hash = '#inspect';
    } catch (error) {
      onProblem(error);
    }
  };
  return h(
    'section',
    { class: 'card outcome', 'aria-label': 'Trained prompts' },
    h('h2', {}, finished ? 'Prompts are ready' : 'Stopped, prompts kept'),
    problems > 0 &&
      h('p', { class: 'note' }, `${plural(problems, 'image')} could not be used: see the notes beside.`),
    held.length === 0 &&
      settings.held > 0 &&
      h('p', { class: 'note' }, `No image was set aside to check them with: that takes ${enough} of a kind.`),
    h(
      'p',
      { class: 'quiet' },
      `${steps} steps. The command line reads this file too: faprompt detect --prompts prompts.safetensors.`,
    ),
    h(
      'div',
      { class: 'row' },
      h(
        'button',
        {
          type: 'button',
          class: 'button primary',
          onclick: () => download('prompts.safetensors', promptsFile(outcome)),
        },
        icon('download'),
        'Download prompts',
      ),
      button('Inspect with them', inspect),
      button('Train on', trainOn),
    ),
  );
}

/** A run that the page was closed or loaded again in, or that failed: it can go on where its last checkpoint is. */
const unfinishedCard = (
  { step, steps, samples }: Unfinished,
  goOn: () => void,
  forget: () => void,
): HTMLElement =>
  h(
    'section',
    { class: 'card outcome', 'aria-label': 'Unfinished training' },
    h('h2', {}, 'This training did not come to its end'),
    h(
      'p',
      { class: 'quiet' },
      `${step} of ${steps} steps on ${plural(samples.length, 'image')} are kept. It goes on from there, with its own images and settings.`,
    ),
    h(
      'div',
      { class: 'row' },
      h('button', { type: 'button', class: 'button primary', onclick: goOn }, icon('play'), 'Go on'),
      h('button', { type: 'button', class: 'button', onclick: forget }, 'Forget it'),
    ),
  );
