// What the engine does, said to screen readers: once for the page, however many progress bars show it.
import { effect } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { describe } from '../core/progress.ts';
import type { Engine } from './engine.ts';

/**
 * Says what takes long and happens once: reading a model and preparing the device. Single photographs are said with
 * their verdict or with the end of their batch; a reader that is told every percent says nothing else.
 */
export function narrate({ activity, device }: Engine): void {
  let said: string | undefined;
  effect(() => {
    const progress = activity.value?.progress;
    if (!progress || progress.phase === 'compute') return;
    const { text } = describe(progress);
    if (text !== said) announce(text);
    said = text;
  });
  effect(() => {
    const event = device.value;
    if (event?.state === 'lost') announce('The graphics device was lost. The model is being loaded again.');
    if (event?.state === 'recovered') announce('The graphics device is back.');
  });
}
