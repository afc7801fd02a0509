// A message in the page: what is wrong, and what to do about it.
import { h } from './dom.ts';
import { currentThumbnail, rescueFocus, visibleHeading } from './focus.ts';
import { icon } from './icons.ts';

export interface Action {
  readonly label: string;
  readonly act: () => void;
}

export interface NoticeOptions {
  readonly tone?: 'info' | 'warning' | 'error';
  readonly title: string;
  readonly text?: string | undefined;
  readonly hint?: string | undefined;
  /** For whoever has to find out more: folded away. */
  readonly detail?: string | undefined;
  readonly actions?: readonly Action[];
}

export const notice = ({
  tone = 'error',
  title,
  text,
  hint,
  detail,
  actions = [],
}: NoticeOptions): HTMLElement =>
  h(
    'div',
    { class: 'notice', 'data-tone': tone, role: tone === 'error' ? 'alert' : undefined },
    icon('warning'),
    h(
      'div',
      { class: 'notice-text' },
      h('p', { class: 'notice-title' }, title),
      text ? h('p', {}, text) : null,
      hint ? h('p', { class: 'quiet' }, hint) : null,
      detail
        ? h('details', { class: 'quiet' }, h('summary', {}, 'Details'), h('p', { class: 'detail' }, detail))
        : null,
      actions.length > 0
        ? h(
            'div',
            { class: 'row' },
            ...actions.map(({ label, act }) =>
              h(
                'button',
                {
                  type: 'button',
                  class: 'button small',
                  onclick: () => {
                    act();
                    // The message goes with what it was about.
                    rescueFocus(currentThumbnail, visibleHeading);
                  },
                },
                label,
              ),
            ),
          )
        : null,
    ),
  );
