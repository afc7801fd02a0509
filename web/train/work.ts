// What there is to train on and what came of it: kept across reloads, and part of a project.
import { effect, type Signal, signal } from '@preact/signals-core';
import { allKept, forget, keep, keeping, kept, ownsWork } from '../core/keep.ts';
import { askBeforeLeaving } from '../core/leaving.ts';
import { createItems, type NewItem, type TrainItem, type TrainItems } from './items.ts';
import type { Outcome, RunSettings, Unfinished } from './run.ts';

export interface TrainWork {
  readonly items: TrainItems;
  /** As they were last used. */
  readonly settings: Signal<RunSettings | undefined>;
  /** Of the last run that learnt anything. */
  readonly outcome: Signal<Outcome | undefined>;
  /** A run under way, or one that did not come to its end. */
  readonly unfinished: Signal<Unfinished | undefined>;
  /** Resolves once what was kept is back. */
  readonly ready: Promise<void>;
}

interface KeptItem extends NewItem {
  readonly place: number;
}

/** What an unfinished run consists of: once, and as it goes on. */
type Reached = Pick<Unfinished, 'checkpoint' | 'step' | 'steps'>;
type Plan = Omit<Unfinished, keyof Reached>;

const prefix = 'item ';

export function createTrainWork(): TrainWork {
  const items = createItems();
  const settings = signal<RunSettings | undefined>(undefined);
  const outcome = signal<Outcome | undefined>(undefined);
  const unfinished = signal<Unfinished | undefined>(undefined);
  const ready = restore();
  askBeforeLeaving(
    () => keeping.peek() !== 'here' && (items.all.peek().length > 0 || outcome.peek() !== undefined),
  );

  async function restore(): Promise<void> {
    if (!(await ownsWork())) return;
    const [records, keptSettings, keptOutcome, plan, reached] = await Promise.all([
      allKept<KeptItem>('training'),
      kept<RunSettings>('training', 'settings'),
      kept<Outcome>('training', 'outcome'),
      kept<Plan>('training', 'plan'),
      kept<Reached>('training', 'reached'),
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
    if (plan && reached) unfinished.value ??= { ...plan, ...reached };
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
    // Its images once, what it has learnt so far every few steps.
    let images: Unfinished['samples'] | undefined = unfinished.peek()?.samples;
    effect(() => {
      const now = unfinished.value;
      if (!now) {
        if (images) void forget('training', 'plan', 'reached');
        images = undefined;
        return;
      }
      const { checkpoint, step, steps, ...plan } = now;
      if (images !== now.samples) void keep('training', 'plan', plan satisfies Plan);
      images = now.samples;
      void keep('training', 'reached', { checkpoint, step, steps } satisfies Reached);
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

  return { items, settings, outcome, unfinished, ready };
}
