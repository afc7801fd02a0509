// Said above every view while what is done in this tab does not outlive it.
import { effect } from '@preact/signals-core';
import { announce } from './core/announce.ts';
import { fill, h } from './core/dom.ts';
import { keeping } from './core/keep.ts';
import { type NoticeOptions, notice } from './core/notice.ts';

const words: Readonly<Record<'elsewhere' | 'refused' | 'taken over', NoticeOptions>> = {
  elsewhere: {
    tone: 'info',
    title: 'This page is open in another tab, which keeps the work',
    text: 'What is done in this one is gone when it is closed or loaded again: save it under “Take it along”, or close the other tab, and this one keeps the work.',
  },
  'taken over': {
    tone: 'info',
    title: 'The other tab was closed: this one keeps the work from now on',
    text: 'What was kept is here, and what was done here is kept too.',
  },
  refused: {
    tone: 'warning',
    title: 'This browser keeps nothing more for the page',
    text: 'There is no room left, or the window is private. What is done from now on is gone when the page is closed or loaded again: save it under “Take it along”.',
  },
};

export function keepingNotice(): HTMLElement {
  const element = h('section', { class: 'keeping', 'aria-label': 'What is kept' });
  let before: 'here' | keyof typeof words = 'here';
  effect(() => {
    const now = keeping.value;
    const what = now === 'here' && before === 'elsewhere' ? 'taken over' : now;
    before = now;
    element.hidden = what === 'here';
    if (what === 'here') return fill(element);
    const close = {
      label: 'Close',
      act: () => {
        element.hidden = true;
      },
    };
    const said = words[what];
    fill(element, notice(what === 'taken over' ? { ...said, actions: [close] } : said));
    announce(`${said.title}. ${said.text}`);
  });
  return element;
}
