// Weights in the browser's storage: what is there, how large, and away with it.

import { effect } from '@preact/signals-core';
import { listWeights, removeWeights, type StoredWeights, storageUse } from '../../src/detector/index.ts';
import { announce } from '../core/announce.ts';
import { fill, h } from '../core/dom.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { formatSize } from '../core/format.ts';
import { icon } from '../core/icons.ts';
import type { Engine } from '../engine/engine.ts';

export interface Stored {
  readonly element: HTMLElement;
  refresh(): Promise<void>;
}

const nameOf = (url: string): string =>
  decodeURIComponent(
    url
      .replace(/[?#].*$/, '')
      .split('/')
      .at(-1) || url,
  );

export function storedWeights(engine: Engine): Stored {
  const list = h('ul', { class: 'stored' });
  const summary = h('p', { class: 'quiet' });

  async function refresh(): Promise<void> {
    try {
      const [weights, { usage, quota, available }] = await Promise.all([listWeights(), storageUse()]);
      fill(list, ...weights.map(row));
      summary.textContent = !available
        ? 'This browser keeps nothing for the page (a private window?): models are downloaded each time.'
        : [
            weights.length === 0 &&
              'Nothing is stored yet. Models that are downloaded are kept here, so that the page works offline.',
            quota > 0 &&
              `The page uses ${formatSize(usage)} of the ${formatSize(quota)} that the browser grants.`,
          ]
            .filter(Boolean)
            .join(' ');
    } catch (error) {
      fill(list);
      summary.textContent = `The storage cannot be read: ${error instanceof Error ? error.message : error}. Models are downloaded each time.`;
    }
  }

  function row({ url, bytes, stored }: StoredWeights): HTMLElement {
    const name = nameOf(url);
    const size =
      stored < bytes ? `${formatSize(stored)} of ${formatSize(bytes)}, incomplete` : formatSize(bytes);
    return h(
      'li',
      {},
      h('span', { class: 'stored-name', title: url }, name),
      h('span', { class: 'quiet' }, size),
      h(
        'button',
        {
          type: 'button',
          class: 'button small',
          'aria-label': `Remove ${name}`,
          onclick: async () => {
            await removeWeights(url);
            announce(`${name} removed`);
            const at = [...list.children].findIndex((child) => child.contains(document.activeElement));
            await refresh();
            rescueFocus(
              () => list.children[Math.min(at, list.children.length - 1)]?.querySelector('button'),
              visibleHeading,
            );
          },
        },
        icon('trash'),
        'Remove',
      ),
    );
  }

  // What was opened may have been stored.
  effect(() => {
    engine.info.value;
    refresh();
  });
  return {
    element: h(
      'section',
      { class: 'card', 'aria-labelledby': 'stored-heading' },
      h('h2', { id: 'stored-heading' }, 'Stored in this browser'),
      list,
      summary,
    ),
    refresh,
  };
}
