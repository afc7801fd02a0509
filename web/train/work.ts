// What there is to train on and what came of it: kept across reloads, and part of a project.
import { effect, type Signal, signal } from '@preact/signals-core';
import { allKept, forget, keep, kept, ownsWork } from '../core/keep.ts';
import { createItems, type NewItem, type TrainItem, type TrainItems } from './items.ts';
import type { Outcome, RunSettings } from './run.ts';

export interface TrainWork {
  readonly items: TrainItems;
  /** As they were last used. */
  readonly settings: Signal<RunSettings | undefined>;
  /** Of the last run that learnt anything. */
  readonly outcome: Signal<Outcome | undefined>;
  /** Resolves once what was kept is back. */
  readonly ready: Promise<void>;
}

interface KeptItem extends NewItem {
  readonly place: number;
}

const prefix = 'item ';

export function createTrainWork(): TrainWork {
  const items = createItems();
  const settings = signal<RunSettings | undefined>(undefined);
  const outcome = signal<Outcome | undefined>(undefined);
  const ready = restore();

  async function restore(): Promise<void> {
    if (!(await ownsWork())) return;
    const [records, keptSettings, keptOutcome] = await Promise.all([
      allKept<KeptItem>('training'),
      kept<RunSettings>('training', 'settings'),
      kept<Outcome>('training', 'outcome'),
    ]);
    const found = records.filter(([key]) => key.startsWith(prefix)).sort(([, a], [, b]) => a.place - b.place);
    await items.add(
      found.map(([, item]) => item),
      false,
    );
    // Under new numbers from now on.
    if (found.length > 0) await forget('training', ...found.map(([key]) => key));
    settings.value ??= keptSettings;
    outcome.value ??= keptOutcome;
    keepOn();
  }

  function keepOn(): void {
    const watched = new Map<TrainItem, () => void>();
    effect(() => {
      const all = items.all.value;
      for (const [item, stop] of watched) {
        if (all.includes(item)) continue;
        stop();
        watched.delete(item);
        void forget('training', `${prefix}${item.id}`);
      }
      for (const item of all) if (!watched.has(item)) watched.set(item, keepItem(item));
    });
    effect(() => {
      if (settings.value) void keep('training', 'settings', settings.value);
    });
    effect(() => {
      if (outcome.value) void keep('training', 'outcome', outcome.value);
    });
  }
  const keepItem = (item: TrainItem) =>
    effect(() => {
      const { id, name, image } = item;
      const mask = item.mask.value;
      void keep('training', `${prefix}${id}`, {
        name,
        image,
        defective: item.defective.value,
        place: id,
        ...(mask ? { mask } : {}),
      } satisfies KeptItem);
    });

  return { items, settings, outcome, ready };
}
