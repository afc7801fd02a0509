// The limits that were chosen here: one for each of what scores come from.
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import type { DetectorInfo } from '../../src/detector/index.ts';
import { keepChanged } from '../core/keep.ts';
import type { Limit } from './limit.ts';

export type LimitsBySource = Readonly<Record<string, Limit>>;

export interface Limits {
  readonly all: Signal<LimitsBySource>;
  /** That of what is in use: chosen here, else stored with the prompts. */
  readonly limit: ReadonlySignal<Limit | undefined>;
  /** @param limit undefined: back to what is stored with the prompts, if anything */
  set(limit: Limit | undefined): void;
}

/** @param scoring what scores come from */
export function createLimits(
  scoring: ReadonlySignal<string | undefined>,
  known: ReadonlySignal<DetectorInfo | undefined>,
): Limits {
  const all = signal<LimitsBySource>({});
  return {
    all,
    limit: computed(() => {
      const own = scoring.value === undefined ? undefined : all.value[scoring.value];
      const stored = known.value?.prompts?.threshold;
      return own ?? (stored === undefined ? undefined : { value: stored, from: 'prompts' });
    }),
    set(limit) {
      const at = scoring.peek();
      if (at === undefined) return;
      const change = ({ [at]: _, ...others }: LimitsBySource = {}) =>
        limit ? { ...others, [at]: limit } : others;
      all.value = change(all.peek());
      void keepChanged('settings', 'limits', change);
    },
  };
}
