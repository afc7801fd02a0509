// What each abnormality prompt alone sees in the photograph that is selected: computed when somebody asks for it.
import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import { type AnomalyMap, mapRange, type Range } from '../../src/data/heatmap.ts';
import { nextTask } from '../core/dom.ts';
import type { Engine } from '../engine/engine.ts';
import { explain, type Problem } from '../engine/problems.ts';
import { smallMap } from '../studio/small-map.ts';
import { asMap } from '../studio/studio.ts';
import type { Photo } from './photo.ts';
import type { Photos } from './photos.ts';

/** One prompt on one photograph; numbers as the library gives them. */
export interface PromptView {
  readonly contribution: number;
  readonly probability: number;
  readonly map: AnomalyMap;
  /** Where its map is highest, and how high; the place as shares of width and height. */
  readonly peak: { readonly value: number; readonly x: number; readonly y: number };
  /** Its map as large as a thumbnail. */
  readonly small: AnomalyMap;
}

/** Longest side of a thumbnail's map. */
export const thumbnailSide = 128;

export interface Looked {
  readonly prompts: readonly PromptView[];
  /** Of all their maps: what one shows can be held against what another shows. */
  readonly range: Range;
}

export interface EachPrompt {
  /** How many prompts the model has that can be looked at alone; undefined: none, or no model was open yet. */
  readonly count: ReadonlySignal<number | undefined>;
  /** Tiles are looked at one by one: the prompts are not. */
  readonly possible: ReadonlySignal<boolean>;
  /** Of the photograph that is selected. */
  readonly looked: ReadonlySignal<Looked | undefined>;
  /** Number of the prompt whose map is shown; undefined: the map of all. */
  readonly chosen: Signal<number | undefined>;
  readonly problem: ReadonlySignal<Problem | undefined>;
  /** What is known of a photograph. */
  of(photo: Photo): Looked | undefined;
  look(): Promise<void>;
}

/** Ten maps of a large model are some megabytes. */
const remembered = 8;

export function createEachPrompt(engine: Engine, { selected, all }: Photos): EachPrompt {
  const known = signal<ReadonlyMap<string, Looked>>(new Map());
  const chosen = signal<number | undefined>(undefined);
  const problem = signal<Problem | undefined>(undefined);
  const looked = computed(() => {
    const photo = selected.value;
    return photo && known.value.get(photo.id);
  });
  effect(() => {
    selected.value;
    chosen.value = undefined;
    problem.value = undefined;
  });
  effect(() => {
    // Another model sees other things.
    engine.choice.value;
    known.value = new Map();
    chosen.value = undefined;
  });
  effect(() => {
    const there = new Set(all.value.map(({ id }) => id));
    const kept = [...known.peek()].filter(([id]) => there.has(id));
    if (kept.length < known.peek().size) known.value = new Map(kept);
  });

  async function look(): Promise<void> {
    const photo = selected.peek();
    if (!photo) return;
    problem.value = undefined;
    const choice = engine.choice.peek();
    try {
      const { prompts } = await engine.run('Looking with each prompt', (detector, tools) =>
        detector.detect(photo.file, { name: photo.name, perPrompt: true, ...tools }),
      );
      if (engine.choice.peek() !== choice) return;
      const views = prompts!.map((prompt): PromptView => {
        const map = asMap(prompt);
        const { contribution, probability } = prompt;
        return { contribution, probability, map, peak: peakOf(map), small: smallMap(map, thumbnailSide) };
      });
      const ranges = views.map(({ map }) => mapRange(map));
      const range = [
        Math.min(...ranges.map(([low]) => low)),
        Math.max(...ranges.map(([, high]) => high)),
      ] as const;
      const others = [...known.peek()].filter(([id]) => id !== photo.id);
      known.value = new Map([...others.slice(1 - remembered), [photo.id, { prompts: views, range }]]);
    } catch (error) {
      const failed = explain(error);
      if (failed.kind !== 'stopped' && selected.peek() === photo) problem.value = failed;
    }
  }
  /** By the prompts' ids: of tiles the library says none, and the card says why. */
  const counts = signal<ReadonlyMap<string, number>>(new Map());
  effect(() => {
    engine.known.value;
    engine.choice.value;
    // What is known and the choice change one after the other.
    void nextTask().then(() => {
      const [id, count] = [engine.choice.peek().prompts?.id, engine.known.peek()?.prompts?.abnormalities];
      if (id !== undefined && count !== undefined && counts.peek().get(id) !== count)
        counts.value = new Map(counts.peek()).set(id, count);
    });
  });
  return {
    count: computed(() => {
      const whole = engine.known.value?.prompts?.abnormalities;
      return whole ?? (engine.tiles.value && counts.value.get(engine.choice.value.prompts?.id ?? ''));
    }),
    possible: computed(() => engine.tiles.value === undefined),
    looked,
    chosen,
    problem,
    of: ({ id }) => known.peek().get(id),
    look,
  };
}

function peakOf({ width, height, values }: AnomalyMap): PromptView['peak'] {
  let at = 0;
  for (let i = 1; i < values.length; i += 1) if (values[i]! > values[at]!) at = i;
  return { value: values[at]!, x: (at % width) / width, y: Math.floor(at / width) / height };
}

/** The prompt that reacts most strongly to some place. */
export const strongest = ({ prompts }: Looked): number => {
  const peaks = prompts.map(({ peak }) => peak.value);
  return peaks.indexOf(Math.max(...peaks));
};
