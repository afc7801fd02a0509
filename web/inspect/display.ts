// How results are shown: the same for every photograph.
import { type Signal, signal } from '@preact/signals-core';
import { type AnomalyMap, mapRange } from '../../src/data/heatmap.ts';
import type { HeatSettings } from '../studio/heat.ts';

export const views = ['overlay', 'side', 'slider'] as const;
export type View = (typeof views)[number];

export interface Display {
  readonly view: Signal<View>;
  /** In [0, 1]. */
  readonly opacity: Signal<number>;
  /** Position on the colour scale in [0, 1]. */
  readonly threshold: Signal<number>;
  /** The colour scale runs from an image's own smallest to its largest value, instead of 0 to 1. */
  readonly stretch: Signal<boolean>;
  readonly outlines: Signal<boolean>;
}

export const createDisplay = (): Display => ({
  view: signal<View>('overlay'),
  opacity: signal(0.7),
  threshold: signal(0.5),
  stretch: signal(false),
  outlines: signal(true),
});

/** What a display means for one map. */
export function heatSettings({ opacity, threshold, stretch }: Display, map: AnomalyMap): HeatSettings {
  const range = stretch.value ? mapRange(map) : ([0, 1] as const);
  const [low, high] = range;
  return { opacity: opacity.value, range, threshold: low + threshold.value * (high - low) };
}
