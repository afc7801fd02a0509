// What the new prompts say of images that were set aside, beside what those before said of them; the worst first.
import { effect, type ReadonlySignal, signal } from '@preact/signals-core';
import { type AnomalyMap, mapRange } from '../../src/data/heatmap.ts';
import { ranking } from '../../src/eval/ranking.ts';
import { announce } from '../core/announce.ts';
import { fill, h } from '../core/dom.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { notice } from '../core/notice.ts';
import { howToLook, promptsFrom } from '../engine/choice.ts';
import type { Engine } from '../engine/engine.ts';
import { explain, type Problem } from '../engine/problems.ts';
import { drawHeat } from '../studio/heat.ts';
import { asMap } from '../studio/studio.ts';
import type { Outcome, Sample } from './run.ts';

interface Looked {
  readonly score: number;
  readonly map: AnomalyMap;
}

interface Compared {
  readonly sample: Sample;
  readonly before?: Looked;
  readonly after: Looked;
}

/** Pictures that are drawn; the numbers are of all. */
const drawn = 24;

export interface Comparison {
  readonly element: HTMLElement;
  /** Looks at what an outcome has set aside. */
  check(outcome: Outcome): Promise<void>;
  clear(): void;
}

/** @param outcome what there is to be compared, again after a reload @param busy while a run is under way */
export function createComparison(
  engine: Engine,
  outcome: ReadonlySignal<Outcome | undefined>,
  busy: ReadonlySignal<boolean>,
): Comparison {
  const rows = signal<readonly Compared[]>([]);
  const checking = signal(false);
  const problem = signal<Problem | undefined>(undefined);
  let urls: string[] = [];

  async function check({ result, held, size }: Outcome): Promise<void> {
    rows.value = [];
    problem.value = undefined;
    if (held.length === 0) return;
    checking.value = true;
    try {
      const { id } = await promptsFrom('', new Blob([result.prompts]));
      rows.value = await engine.run('Checking images that were set aside', async (detector, tools) => {
        const old = engine.choice.peek();
        const tiles = engine.tiles.peek() ?? false;
        const look = async (): Promise<Looked[]> => {
          const all: Looked[] = [];
          for (const { image, name } of held) {
            const { score, map } = await detector.detect(image, { name, ...tools });
            all.push({ score, map: asMap({ map }) });
          }
          return all;
        };
        // In use already, they have nothing before them.
        const before = detector.info.prompts && old.prompts?.id !== id ? await look() : undefined;
        try {
          await detector.setPrompts(result.prompts, { tiles, ...(size ? { size } : {}) });
          const after = await look();
          return held.map((sample, i) => ({
            sample,
            ...(before ? { before: before[i]! } : {}),
            after: after[i]!,
          }));
        } finally {
          if (old.prompts) await detector.setPrompts(old.prompts.source, howToLook(old));
        }
      });
      const said = summary(rows.value);
      if (said) announce(said);
    } catch (error) {
      problem.value = explain(error);
    } finally {
      checking.value = false;
    }
  }

  const text = h('p', { class: 'quiet' });
  const list = h('ol', { class: 'compared' });
  const failure = h('div', { class: 'messages' });
  const again = h(
    'button',
    {
      type: 'button',
      class: 'button',
      onclick: async () => {
        await check(outcome.peek()!);
        rescueFocus(() => element.querySelector('h2'), visibleHeading);
      },
    },
    'Compare',
  );
  const element = h(
    'section',
    { class: 'card', 'aria-labelledby': 'compare-heading' },
    h('h2', { id: 'compare-heading', tabindex: -1 }, 'On images that were set aside'),
    failure,
    text,
    h('div', { class: 'row' }, again),
    list,
  );
  effect(() => {
    const failed = problem.value;
    const held = outcome.value?.held.length ?? 0;
    const waits = rows.value.length === 0 && held > 0 && !busy.value && !checking.value;
    again.parentElement!.hidden = !waits;
    list.hidden = rows.value.length === 0;
    element.hidden = rows.value.length === 0 && !waits && (!failed || failed.kind === 'stopped');
    fill(failure, failed && failed.kind !== 'stopped' && notice(failed));
    text.textContent = waits
      ? `${plural(held, 'image')} that the run never saw can tell what was learnt.`
      : summary(rows.value);
    for (const url of urls) URL.revokeObjectURL(url);
    urls = [];
    const worst = [...rows.value].sort((a, b) => wrong(b) - wrong(a));
    fill(list, ...worst.slice(0, drawn).map(row));
  });

  function row({ sample, before, after }: Compared): HTMLElement {
    const url = URL.createObjectURL(sample.image);
    urls.push(url);
    const kind = sample.mask ? 'Defect' : 'Normal';
    return h(
      'li',
      {},
      h('p', { class: 'compared-name' }, sample.name, h('span', { class: 'quiet' }, ` · ${kind}`)),
      h('div', { class: 'compared-pair' }, before && view('Before', url, before), view('After', url, after)),
    );
  }
  return {
    element,
    check,
    clear() {
      rows.value = [];
      problem.value = undefined;
    },
  };
}

/** How wrong the new score is: high for a normal image, low for one with a defect. */
const wrong = ({ sample, after }: Compared): number => (sample.mask ? 1 - after.score : after.score);

function view(label: string, url: string, { score, map }: Looked): HTMLElement {
  const heat = h('canvas', { class: 'heat', 'aria-hidden': 'true' });
  drawHeat(heat, map, { opacity: 0.7, threshold: 0, range: mapRange(map) });
  const picture = h('img', { src: url, alt: '', class: 'photo' });
  const watched = h('div', { class: 'watched' }, picture, heat);
  picture.addEventListener('load', () =>
    watched.style.setProperty('--aspect', String(picture.naturalWidth / Math.max(1, picture.naturalHeight))),
  );
  return h('figure', {}, watched, h('figcaption', { class: 'quiet' }, `${label}: ${score.toFixed(2)}`));
}

function summary(rows: readonly Compared[]): string {
  if (rows.length === 0) return '';
  const auroc = (scores: readonly (number | undefined)[]) => {
    if (scores.some((score) => score === undefined)) return undefined;
    const labels = rows.map(({ sample }) => Number(sample.mask !== undefined));
    return ranking(labels, scores as number[])?.auroc;
  };
  const [before, after] = [
    auroc(rows.map(({ before }) => before?.score)),
    auroc(rows.map(({ after }) => after.score)),
  ];
  const percent = (value: number) => `${(100 * value).toFixed(0)} %`;
  const told =
    after === undefined
      ? 'Both kinds are needed to tell how well they are told apart.'
      : `A defect scores above a normal image in ${percent(after)} of all pairs${before === undefined ? '' : `, before in ${percent(before)}`}.`;
  return `${plural(rows.length, 'image')} that the run never saw. ${told} The worst come first.`;
}
