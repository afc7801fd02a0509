// Pass or fail: the limit in use, where it comes from, and how to get another one.
import { effect, signal } from '@preact/signals-core';
import type { FileSource } from '../../src/detector/index.ts';
import { announce } from '../core/announce.ts';
import { fill, h, uniqueId } from '../core/dom.ts';
import { download } from '../core/download.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { offerUndo } from '../core/undo.ts';
import { writtenObject } from '../engine/choice.ts';
import type { Engine } from '../engine/engine.ts';
import { type Limit, limitInWords } from '../engine/limit.ts';
import { studio } from '../studio/studio.ts';

/** @param calibrate opens the dialog */
export function limitCard(engine: Engine, calibrate: () => void): HTMLElement {
  const byHand = signal(false);
  const words = h('p', { class: 'reading' });
  const actions = h('div', { class: 'row' });
  const form = handForm(engine, () => {
    byHand.value = false;
  });
  const element = h(
    'section',
    { class: 'card', 'aria-labelledby': 'limit-heading' },
    h('h2', { id: 'limit-heading' }, 'Limit'),
    words,
    actions,
    form,
  );
  const button = (label: string, act: () => void) =>
    h('button', { type: 'button', class: 'button small', onclick: act }, label);
  effect(() => {
    const limit = engine.limit.value;
    const own = engine.ownLimit.value !== undefined;
    words.textContent = limitWords(limit, {
      hints: !own && engine.learnt.value !== undefined,
      tiles: engine.tiles.value !== undefined,
    });
    fill(
      actions,
      button('Calibrate on good parts', calibrate),
      button('Set by hand', () => {
        byHand.value = !byHand.peek();
        if (byHand.peek()) form.querySelector('input')!.focus();
      }),
      own && button('Remove', () => change(engine, undefined, 'Limit removed.')),
      own &&
        limit &&
        exportable(engine) &&
        button('Prompts with this limit', () => savePrompts(engine, limit)),
    );
  });
  effect(() => {
    form.hidden = !byHand.value;
  });
  return element;
}

/** @param hints what is said of photographs is a hint, unless somebody calibrates here @param tiles looked at in squares */
function limitWords(limit: Limit | undefined, { hints, tiles }: { hints: boolean; tiles: boolean }): string {
  const none = `None yet${tiles ? ' for these tiles' : hints ? ' for photographs' : ''}: show the page some good parts, and it says pass or fail.`;
  if (hints) return limit ? `${none} Drawings fail from ${limitInWords(limit)}` : none;
  return limit ? `Photographs fail from ${limitInWords(limit)}` : none;
}

/** Sets another limit, with a way back. */
export function change(engine: Engine, limit: Limit | undefined, said: string): void {
  const own = engine.ownLimit.peek();
  engine.setLimit(limit);
  offerUndo(said, () => engine.setLimit(own));
  rescueFocus(() => document.querySelector('section[aria-labelledby=limit-heading] button'), visibleHeading);
}

function handForm(engine: Engine, done: () => void): HTMLFormElement {
  const id = uniqueId('limit');
  const input = h('input', {
    id,
    type: 'number',
    min: 0,
    max: 1,
    step: 0.001,
    required: true,
    inputmode: 'decimal',
  });
  effect(() => {
    const { value: limit } = engine.limit;
    // One of another model, or of whole photographs, is no proposal.
    input.value = limit ? limit.value.toFixed(3) : '';
  });
  return h(
    'form',
    {
      class: 'row',
      onsubmit: async (event: Event) => {
        event.preventDefault();
        const value = input.valueAsNumber;
        // A limit belongs to a model: known once it has been open.
        if (!engine.known.peek()) await engine.run('Opening the model', async () => {});
        change(engine, { value, from: 'hand' }, `Limit set to ${value.toFixed(3)}.`);
        done();
      },
    },
    h('label', { for: id }, 'Fails from'),
    input,
    h('button', { type: 'submit', class: 'button' }, 'Set'),
  );
}

/** A limit in a file holds for the size that the file says, and for the tiles that go with it. */
const exportable = ({ choice }: Engine): boolean =>
  choice.value.prompts !== undefined &&
  writtenObject(choice.value.prompts) === undefined &&
  choice.value.size === undefined;

async function savePrompts({ choice, tiles }: Engine, { value, scores, rate }: Limit): Promise<void> {
  const source = choice.peek().prompts!.source as FileSource;
  const file =
    source instanceof Blob
      ? source
      : source instanceof Uint8Array
        ? new Blob([new Uint8Array(source)])
        : await (await fetch(source)).blob();
  const good = scores && rate !== undefined ? { scores, rate } : undefined;
  download('prompts.safetensors', await studio().withThreshold(file, value, good, tiles.peek()));
  announce('Saved: faprompt detect --prompts prompts.safetensors says pass or fail by this limit.');
}
