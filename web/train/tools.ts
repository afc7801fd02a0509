// The painter's tools, as buttons of which one is pressed.
import { effect, type Signal } from '@preact/signals-core';
import { h } from '../core/dom.ts';
import { type IconName, icon } from '../core/icons.ts';

export type Tool = 'brush' | 'eraser' | 'polygon' | 'bucket';

export const toolNames: Record<Tool, readonly [string, IconName, string]> = {
  brush: ['Brush', 'brush', 'B'],
  eraser: ['Eraser', 'eraser', 'E'],
  polygon: ['Polygon', 'polygon', 'P'],
  bucket: ['Bucket', 'bucket', 'F'],
};

export const toolKeys = new Map(
  (Object.keys(toolNames) as Tool[]).map((tool) => [toolNames[tool][2].toLowerCase(), tool]),
);

export function toolButtons(tool: Signal<Tool>): HTMLElement[] {
  return (Object.keys(toolNames) as Tool[]).map((name) => {
    const [label, symbol, key] = toolNames[name];
    const button = h(
      'button',
      {
        type: 'button',
        class: 'button',
        'aria-keyshortcuts': key,
        onclick: () => {
          tool.value = name;
        },
      },
      icon(symbol),
      label,
    );
    effect(() => button.setAttribute('aria-pressed', String(tool.value === name)));
    return button;
  });
}
