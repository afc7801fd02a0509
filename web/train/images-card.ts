// The card "Images": where they come from, what is to be said of them, and all of them.
import { effect, type ReadonlySignal } from '@preact/signals-core';
import { fill, h } from '../core/dom.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { offerUndo } from '../core/undo.ts';
import { gallery } from './gallery.ts';
import { type Intake, sources } from './intake.ts';
import type { TrainItem, TrainItems } from './items.ts';

export function imagesCard(items: TrainItems, intake: Intake, busy: ReadonlySignal<boolean>): HTMLElement {
  const remove = (some: readonly TrainItem[]) => {
    const { undo, settle } = items.remove(some);
    offerUndo(`${some.length === 1 ? some[0]!.name : plural(some.length, 'image')} removed.`, undo, settle);
  };
  const clear = h(
    'button',
    {
      type: 'button',
      class: 'button quiet-button',
      onclick: () => {
        remove(items.all.peek());
        rescueFocus(visibleHeading);
      },
    },
    'Remove all',
  );
  const from = sources(intake);
  const messages = h('div', { class: 'messages' });
  const pictures = gallery(items, (item) => remove([item]));
  effect(() => {
    clear.hidden = items.all.value.length === 0 || busy.value;
    // What a run uses is not changed under its hands.
    from.toggleAttribute('inert', busy.value);
    pictures.toggleAttribute('inert', busy.value);
  });
  effect(() => {
    fill(messages, ...intake.notes.value.map((text) => h('p', { class: 'note quiet' }, text)));
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'images-heading' },
    h('div', { class: 'row spread' }, h('h2', { id: 'images-heading' }, 'Images'), clear),
    from,
    messages,
    pictures,
  );
}
