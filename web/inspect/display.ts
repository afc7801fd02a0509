// How results are shown: the same for every photograph.
import { type Signal, signal } from '@preact/signals-core';
import type { AnomalyMap, Range } from '../../src/data/heatmap.ts';
import { keep, kept } from '../core/keep.ts';
import { type HeatSettings, heatOf, type Look } from '../studio/heat.ts';

export const views = ['overlay', 'side', 'slider'] as const;
export type View = (typeof views)[number];

export interface Display {
  readonly view: Signal<View>;
  /** In [0, 1]. */
  readonly opacity: Signal<number>;
  /** Position on the colour scale in [0, 1]. */
  readonly threshold: Signal<number>;
  /**
   * Photographs, by id, for which the person said whether the colour scale runs from the map's own smallest to its
   * largest value instead of 0 to 1; for the others it depends on what the model knows of them.
   */
  readonly stretch: Signal<ReadonlyMap<string, boolean>>;
  readonly outlines: Signal<boolean>;
}

export const createDisplay = (): Display => ({
  view: signal<View>('overlay'),
  opacity: signal(0.7),
  threshold: signal(0.5),
  stretch: signal(new Map()),
  outlines: signal(true),
});

type KeptDisplay = { view?: View; opacity?: number; threshold?: number; outlines?: boolean };

/** As it was left at the last visit. */
export async function restoreDisplay(display: Display): Promise<void> {
  const found = await kept<KeptDisplay>('settings', 'display');
  if (!found) return;
  display.view.value = found.view ?? display.view.value;
  display.opacity.value = found.opacity ?? display.opacity.value;
  display.threshold.value = found.threshold ?? display.threshold.value;
  display.outlines.value = found.outlines ?? display.outlines.value;
}

export const keepDisplay = ({ view, opacity, threshold, outlines }: Display): Promise<boolean> =>
  keep('settings', 'display', {
    view: view.peek(),
    opacity: opacity.peek(),
    threshold: threshold.peek(),
    outlines: outlines.peek(),
  } satisfies KeptDisplay);

/** As the studio wants it. */
export const lookOf = (
  { opacity, threshold }: Pick<Display, 'opacity' | 'threshold'>,
  stretched: boolean,
): Look => ({ opacity: opacity.value, mark: threshold.value, stretched });

/** What a display means for one map. @param own what the colours are stretched to; absent: the map's range */
export const heatSettings = (
  display: Pick<Display, 'opacity' | 'threshold'>,
  map: AnomalyMap,
  stretched: boolean,
  own?: Range,
): HeatSettings => heatOf(lookOf(display, stretched), map, own);
