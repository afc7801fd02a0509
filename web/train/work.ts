// What there is to train on and what came of it: kept across reloads, and part of a project.
import { effect, type Signal, signal } from '@preact/signals-core';
import { allKept, forget, keep, keepAll, keeping, kept, onTakeOver, ownsWork } from '../core/keep.ts';
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
const keyOf = ({ id }: TrainItem): string => `${prefix}${id}`;

function recordOf({ id, name, image, mask, defective }: TrainItem): KeptItem {
  const own = mask.peek();
  return { name, image, defective: defective.peek(), place: id, ...(own ? { mask: own } : {}) };
}

export function createTrainWork(): TrainWork {
  const items = createItems();
  const settings = signal<RunSettings | undefined>(undefined);
  const outcome = signal<Outcome | undefined>(undefined);
  const unfinished = signal<Unfinished | undefined>(undefined);
  const ready = restore();
  onTakeOver(restore);
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
    // Where there are others already, in a tab that takes over, under new numbers.
    const alone = items.all.peek().length === 0;
    const back = found.map(([, { place, ...item }]) => (alone ? { ...item, id: place } : item));
    if (!alone) await forget('training', ...found.map(([key]) => key));
    await items.add(back, false);
    settings.value ??= keptSettings;
    outcome.value ??= keptOutcome;
    const cut = plan && reached && !unfinished.peek() ? { ...plan, ...reached } : undefined;
    if (cut) unfinished.value = cut;
    keepOn(alone ? items.all.peek() : [], cut);
  }

  /** @param there items that are kept as they are, as is `cut` */
  function keepOn(there: readonly TrainItem[], cut: Unfinished | undefined): void {
    const watched = new Map(there.map((item) => [item, keepChanges(item)]));
    effect(() => {
      const all = new Set(items.all.value);
      const gone = [...watched.keys()].filter((item) => !all.has(item));
      for (const item of gone) {
        watched.get(item)!();
        watched.delete(item);
      }
      if (gone.length > 0) void forget('training', ...gone.map(keyOf));
      const fresh = [...all].filter((item) => !watched.has(item));
      for (const item of fresh) watched.set(item, keepChanges(item));
      if (fresh.length > 0)
        void keepAll(
          'training',
          fresh.map((item) => [keyOf(item), recordOf(item)]),
        );
    });
    effect(() => {
      if (settings.value) void keep('training', 'settings', settings.value);
    });
    effect(() => {
      if (outcome.value) void keep('training', 'outcome', outcome.value);
    });
    // Its images once, what it has learnt so far every few steps.
    let images: Unfinished['samples'] | undefined = cut?.samples;
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
  function keepChanges(item: TrainItem): () => void {
    let first = true;
    return effect(() => {
      item.mask.value;
      item.defective.value;
      if (!first) void keep('training', keyOf(item), recordOf(item));
      first = false;
    });
  }

  return { items, settings, outcome, unfinished, ready };
}
