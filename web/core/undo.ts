// One bar for taking back what was just removed.
import { announce } from './announce.ts';
import { h } from './dom.ts';
import { currentThumbnail, rescueFocus, visibleHeading } from './focus.ts';
import { icon } from './icons.ts';

/** Long enough to read, think and reach the button. */
const offered = 20_000;

interface Offer {
  readonly undo: () => void;
  readonly settle: () => void;
}

let current: Offer | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let bar: HTMLElement | undefined;

function close(): void {
  clearTimeout(timer);
  bar?.remove();
  bar = undefined;
  current = undefined;
}

/**
 * Offers to take something back, by button or Ctrl Z, until something else can be taken back or some time has gone.
 * @param settle called once it can no longer be taken back: frees what was kept for that
 */
export function offerUndo(text: string, undo: () => void, settle: () => void = () => {}): void {
  const previous = current;
  close();
  previous?.settle();
  const offer = { undo, settle };
  current = offer;
  bar = h(
    'section',
    { class: 'undo-bar', 'aria-label': 'Undo' },
    h('span', {}, text),
    h('button', { type: 'button', class: 'button small', onclick: takeBack }, icon('undo'), 'Undo'),
  );
  document.body.append(bar);
  announce(`${text} Control Z takes it back.`);
  timer = setTimeout(() => {
    if (current !== offer) return;
    // Not from under the keyboard.
    if (bar?.contains(document.activeElement)) return;
    close();
    settle();
  }, offered);
}

function takeBack(): void {
  const offer = current;
  if (!offer) return;
  close();
  offer.undo();
  announce('Taken back.');
  rescueFocus(currentThumbnail, visibleHeading);
}

document.addEventListener('keydown', (event) => {
  if (event.key.toLowerCase() !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
  if (!current || document.querySelector('dialog[open]')) return;
  if (
    (event.target as Element).matches?.(
      'input:not([type=range], [type=radio], [type=checkbox], [type=file]), textarea',
    )
  )
    return;
  event.preventDefault();
  takeBack();
});
