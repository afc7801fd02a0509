// The photographs being inspected, kept across reloads.
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import type { Detection } from '../../src/detector/index.ts';
import { ownsWork } from '../core/keep.ts';
import type { Problem } from '../engine/problems.ts';
import { forgetKept, forgetLeftovers, keepPhotos, keepResult, keptPhotos, whenOwner } from './kept-photos.ts';
import { createMaps, type Maps } from './maps.ts';
import { cameNow, createPhoto, type Ended, moveToEnd, type Photo, worstFirst } from './photo.ts';
import { markSample } from './samples.ts';

export type Order = 'added' | 'score';

export interface Photos {
  /** In the order in which they came. */
  readonly all: ReadonlySignal<readonly Photo[]>;
  /** In the order in which they are shown. */
  readonly ordered: ReadonlySignal<readonly Photo[]>;
  readonly order: Signal<Order>;
  readonly selected: Signal<Photo | undefined>;
  /** Adds files and selects the first of them. */
  add(files: readonly File[]): void;
  /** Takes photographs away; @returns how to put them back, and how to forget them for good. */
  remove(some: readonly Photo[]): { undo: () => void; settle: () => void };
  /** A photograph came out. */
  finish(photo: Photo, detection: Pick<Detection, 'score' | 'map' | 'image'>): void;
  fail(photo: Photo, problem: Problem): void;
  map(photo: Photo): Promise<AnomalyMap | undefined>;
  /** The map if it is in memory. */
  mapAtHand(photo: Photo): AnomalyMap | undefined;
  /** Adds photographs that were inspected elsewhere. */
  load(some: readonly Loaded[]): Promise<void>;
  /** Brings back what was kept. */
  restore(): Promise<void>;
  /** The tab that kept its work was closed: its photographs come first, and these are kept from now on. */
  takeOver(): Promise<void>;
}

/** A photograph with what came out. */
export interface Loaded {
  readonly name: string;
  readonly file: Blob;
  /** One of the page's own. */
  readonly sample: boolean;
  readonly state?: Ended | undefined;
  readonly map?: AnomalyMap | undefined;
}

/** @param scoring what scores come from */
export function createPhotos(scoring: ReadonlySignal<string | undefined>): Photos {
  const all = signal<readonly Photo[]>([]);
  const selected = signal<Photo | undefined>(undefined);
  const order = signal<Order>('added');
  const ordered = computed(() => (order.value === 'added' ? all.value : worstFirst(all.value)));
  const list: List = { all, ordered, selected };
  const maps = createMaps();
  const append = (added: readonly Photo[]) => {
    batch(() => {
      all.value = [...all.peek(), ...added];
      selected.value = added[0] ?? selected.peek();
    });
    keepPhotos(added);
  };
  /** @param before what has to be kept first */
  const end = (photo: Photo, state: Ended, before?: Promise<void>) => {
    photo.state.value = state;
    whenOwner(async () => {
      await before;
      await keepResult(photo.id, state, scoring.peek());
    });
  };
  return {
    ...list,
    order,
    add: (files) => append(files.map((file) => createPhoto({ name: file.name, file }, { kind: 'waiting' }))),
    remove(some) {
      const putBack = takeOut(list, some);
      forgetKept('photographs', some);
      return {
        undo() {
          putBack();
          keepPhotos(some);
        },
        settle() {
          for (const photo of some) photo.release();
          maps.drop(some.map(({ id }) => id));
          forgetKept('results', some);
        },
      };
    },
    finish(photo, { score, map: { width, height, data }, image }) {
      // The map first: a result without one would show nothing after a reload.
      const mapKept = maps.put(photo.id, { width, height, values: data });
      end(photo, { kind: 'done', result: { score, ...image } }, mapKept);
    },
    fail: (photo, problem) => end(photo, { kind: 'failed', problem }),
    map: ({ id }) => maps.get(id),
    mapAtHand: ({ id }) => maps.peek(id),
    async load(some) {
      const added: Photo[] = [];
      for (const { name, file, sample, state, map } of some) {
        if (sample) markSample(file);
        const known = state?.kind === 'failed' || map ? state : undefined;
        const photo = createPhoto({ name, file }, known ?? { kind: 'stopped' });
        if (map) await maps.put(photo.id, map);
        if (known) end(photo, known);
        added.push(photo);
      }
      append(added);
    },
    async restore() {
      if (!(await ownsWork())) return;
      const count = await bringBack(list, scoring);
      if (count === 0 && !cameNow()) await forgetLeftovers();
    },
    takeOver: () => takeOver(list, maps, scoring),
  };
}

interface List {
  readonly all: Signal<readonly Photo[]>;
  readonly ordered: ReadonlySignal<readonly Photo[]>;
  readonly selected: Signal<Photo | undefined>;
}

/** Takes photographs out; in place of one that was shown, the next that stays is. @returns how to put them back */
function takeOut({ all, ordered, selected }: List, some: readonly Photo[]): () => void {
  const gone = new Set(some);
  const wasSelected = selected.peek();
  const rest = all.peek().filter((photo) => !gone.has(photo));
  batch(() => {
    if (wasSelected && gone.has(wasSelected)) {
      const shown = ordered.peek();
      const after = shown.slice(shown.indexOf(wasSelected)).find((photo) => !gone.has(photo));
      selected.value = after ?? shown.filter((photo) => !gone.has(photo)).at(-1);
    }
    all.value = rest;
  });
  return () => {
    // Where they were.
    batch(() => {
      all.value = [...all.peek(), ...some].sort((a, b) => a.place - b.place);
      selected.value = wasSelected ?? selected.peek();
    });
  };
}

/** Puts what was kept before the others, which are kept as the later ones from now on. @returns how many there were */
async function bringBack(
  { all, selected }: List,
  scoring: ReadonlySignal<string | undefined>,
): Promise<number> {
  // Those of this visit may be kept already.
  const found = (await keptPhotos(scoring)).filter(({ id }) => !cameNow(id));
  const back = found.map(({ state, ...photo }) => createPhoto(photo, state ?? { kind: 'stopped' }));
  const own = all.peek();
  batch(() => {
    all.value = [...back, ...own];
    selected.value ??= all.peek()[0];
  });
  own.forEach(moveToEnd);
  keepPhotos(own);
  return back.length;
}

async function takeOver(list: List, maps: Maps, scoring: ReadonlySignal<string | undefined>): Promise<void> {
  const own = list.all.peek();
  await bringBack(list, scoring);
  await maps.keepRest();
  for (const { id, state } of own) {
    const now = state.peek();
    if (now.kind === 'done' || now.kind === 'failed') await keepResult(id, now, scoring.peek());
  }
}
