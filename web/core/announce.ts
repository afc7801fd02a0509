// One live region for everything that is said to a screen reader.
import { h } from './dom.ts';

let waiting: string[] = [];

/**
 * Says `text` when the reader is free. What is said within one frame is said together, and the same text twice in a
 * row is said twice.
 */
export function announce(text: string): void {
  if (text === '') return;
  waiting.push(text);
  if (waiting.length > 1) return;
  requestAnimationFrame(() => {
    const region = currentRegion();
    region.textContent = '';
    requestAnimationFrame(() => {
      const all = waiting;
      waiting = [];
      region.textContent = [...new Set(all)].join(' ');
    });
  });
}

/** While a dialog is open everything outside of it is inert, the page's own region too. */
function currentRegion(): HTMLElement {
  const dialog = [...document.querySelectorAll('dialog[open]')].at(-1);
  if (!dialog) return document.getElementById('announcer')!;
  const known = dialog.querySelector<HTMLElement>(':scope > .announcer');
  if (known) return known;
  const made = h('div', { class: 'announcer visually-hidden', role: 'status', 'aria-live': 'polite' });
  dialog.append(made);
  return made;
}
