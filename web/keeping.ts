// Said above every view while what is done in this tab does not outlive it.
import { effect } from '@preact/signals-core';
import { announce } from './core/announce.ts';
import { fill, h } from './core/dom.ts';
import { keeping } from './core/keep.ts';
import { notice } from './core/notice.ts';

const words = {
  elsewhere: {
    tone: 'info',
    title: 'This page is open in another tab, which keeps the work',
    text: 'What is done in this one is gone when it is closed or loaded again: save it under “Take it along”.',
  },
  refused: {
    tone: 'warning',
    title: 'This browser keeps nothing more for the page',
    text: 'There is no room left, or the window is private. What is done from now on is gone when the page is closed or loaded again: save it under “Take it along”.',
  },
} as const;

export function keepingNotice(): HTMLElement {
  const element = h('section', { class: 'keeping', 'aria-label': 'What is kept' });
  effect(() => {
    const now = keeping.value;
    element.hidden = now === 'here';
    fill(element, now !== 'here' && notice(words[now]));
    if (now !== 'here') announce(`${words[now].title}. ${words[now].text}`);
  });
  return element;
}
