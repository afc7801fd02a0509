// The prompts side by side, as radio buttons: which one is chosen is shown over the photograph. Arrow keys move on.
import { effect, type ReadonlySignal } from '@preact/signals-core';
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import { announce } from '../core/announce.ts';
import { fill, h, uniqueId } from '../core/dom.ts';
import { rescueFocus } from '../core/focus.ts';
import { formatPlace } from '../core/format.ts';
import { notice } from '../core/notice.ts';
import { drawHeat } from '../studio/heat.ts';
import { smallMap } from '../studio/small-map.ts';
import { type EachPrompt, type Looked, strongest, thumbnailSide } from './each-prompt.ts';
import type { Photo } from './photo.ts';
import type { ShownMap } from './stage.ts';

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;

/** One prompt in a sentence. */
function inWords({ prompts }: Looked, k: number): string {
  const prompt = prompts[k]!;
  const { value, x, y } = prompt.peak;
  const whole = prompts.reduce((sum, { contribution }) => sum + contribution, 0);
  return `Prompt ${k + 1} alone calls the photograph abnormal with ${prompt.probability.toFixed(2)}. Its strongest sign is ${value.toFixed(2)}, ${formatPlace(x, y)}. To the likeness with “abnormal”, ${signed(whole)}, it adds ${signed(prompt.contribution)}.`;
}

/**
 * @param photo the one that is selected; the card is there once it is done
 * @param whole the map of all prompts together
 */
export function eachPromptCard(
  photo: ReadonlySignal<Photo | undefined>,
  whole: ReadonlySignal<ShownMap | undefined>,
  { count, possible, looked, chosen, problem, look }: EachPrompt,
): HTMLElement {
  const name = uniqueId('prompt');
  const intro = h('p', { class: 'quiet' });
  const failure = h('div', { class: 'messages' });
  const start = h(
    'button',
    {
      type: 'button',
      class: 'button small',
      async onclick() {
        await look();
        const found = looked.peek();
        if (!found) return;
        rescueFocus(() => choices.querySelector<HTMLInputElement>('input:checked'));
        announce(`Each prompt has looked. ${inWords(found, strongest(found))}`);
      },
    },
    'Look with each prompt',
  );
  const choices = h('div', {
    class: 'prompts',
    role: 'radiogroup',
    'aria-label': 'Map that is shown',
  });
  const words = h('p', { class: 'reading' });
  const element = h(
    'section',
    { class: 'card each-prompt', 'aria-labelledby': 'each-heading' },
    h('h2', { id: 'each-heading' }, 'Prompt by prompt'),
    intro,
    failure,
    start,
    choices,
    words,
  );

  const choice = (value: number | undefined, said: string, shown: string, picture: HTMLElement) => {
    const input = h('input', {
      type: 'radio',
      name,
      value: value === undefined ? 'all' : value + 1,
      class: 'visually-hidden',
      'aria-label': said,
      onchange: () => {
        chosen.value = value;
        announce(value === undefined ? 'All prompts together.' : inWords(looked.peek()!, value));
      },
    });
    input.checked = chosen.peek() === value;
    return h('label', { class: 'prompt' }, input, picture, h('span', { 'aria-hidden': 'true' }, shown));
  };
  const picture = (url: string, map: AnomalyMap | undefined, range: Looked['range']) => {
    const heat = h('canvas', { class: 'heat' });
    if (map) drawHeat(heat, map, { opacity: 0.8, threshold: 0, range });
    return h(
      'span',
      { class: 'prompt-picture', 'aria-hidden': 'true' },
      h('img', { src: url, alt: '' }),
      heat,
    );
  };

  effect(() => {
    const current = photo.value;
    const done = current?.state.value.kind === 'done';
    element.hidden = !done || count.value === undefined;
    const found = looked.value;
    intro.textContent = possible.value
      ? `The model has ${count.value} prompts for “abnormal”, each of which has learnt to react to something else. See which one reacts to what.`
      : 'In tiles there is no map of each prompt. Choose “Whole photograph” under “Look at” for that.';
    start.hidden = !possible.value || found !== undefined;
    choices.hidden = found === undefined;
    fill(failure, problem.value && notice(problem.value));
    if (!found || !current) return fill(choices);
    const most = strongest(found);
    const all = whole.peek()?.map;
    fill(
      choices,
      choice(
        undefined,
        'All prompts together',
        'All',
        picture(current.url, all && smallMap(all, thumbnailSide), found.range),
      ),
      ...found.prompts.map((view, k) =>
        choice(
          k,
          `Prompt ${k + 1}, strongest sign ${view.peak.value.toFixed(2)}${k === most ? ', more than any other' : ''}`,
          `${k + 1}: ${view.peak.value.toFixed(2)}`,
          picture(current.url, view.small, found.range),
        ),
      ),
    );
    choices.children[most + 1]!.toggleAttribute('data-strongest', true);
  });
  effect(() => {
    const found = looked.value;
    const k = chosen.value;
    words.hidden = !found;
    words.textContent = found
      ? k === undefined
        ? `Prompt ${strongest(found) + 1} reacts most strongly. Choose a prompt to see its map over the photograph; all maps have one colour scale.`
        : inWords(found, k)
      : '';
  });
  return element;
}
