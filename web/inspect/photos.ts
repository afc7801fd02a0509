// The photographs being inspected, kept across reloads.
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import type { Detection } from '../../src/detector/index.ts';
import { allKept, forget, forgetAll, keep, keepAll, ownsWork } from '../core/keep.ts';
import { type ObjectUrl, objectUrl } from '../core/object-url.ts';
import type { Problem } from '../engine/problems.ts';
import { createMaps } from './maps.ts';
import { isSample, markSample } from './samples.ts';

/** What came out, without the map. */
export interface Result {
  readonly score: number;
  /** Size of the photograph. */
  readonly width: number;
  readonly height: number;
}

export type PhotoState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'working' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'failed'; readonly problem: Problem };

export interface Photo extends ObjectUrl {
  readonly id: string;
  readonly name: string;
  readonly file: Blob;
  readonly state: Signal<PhotoState>;
  /** Where it is among all that ever came. */
  place: number;
}

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
  readonly state?: KeptResult | undefined;
  readonly map?: AnomalyMap | undefined;
}

interface KeptPhoto {
  readonly name: string;
  readonly file: Blob;
  readonly place: number;
  readonly sample: boolean;
}

export type KeptResult = Extract<PhotoState, { kind: 'done' | 'failed' }>;
/** A result of another model is none of the one in use: a reload may come between the two. */
type Scored = KeptResult & { readonly by?: string | undefined };

/** @param scoring what scores come from */
export function createPhotos(scoring: ReadonlySignal<string | undefined>): Photos {
  const all = signal<readonly Photo[]>([]);
  const selected = signal<Photo | undefined>(undefined);
  const order = signal<Order>('added');
  const maps = createMaps();
  let places = 0;
  const whenOwner = (work: () => Promise<unknown>) => void ownsWork().then((owner) => owner && work());

  function create(name: string, file: Blob, state: PhotoState, known?: { id: string; place: number }): Photo {
    const address = objectUrl(file);
    places = Math.max(places + 1, known?.place ?? 0);
    return {
      id: crypto.randomUUID(),
      place: places,
      ...known,
      name,
      file,
      state: signal(state),
      get url() {
        return address.url;
      },
      release: address.release,
    };
  }
  const keepResult = (id: string, state: KeptResult) =>
    keep('results', id, { ...state, by: scoring.peek() } satisfies Scored);
  const keepPhotos = (some: readonly Photo[]) =>
    whenOwner(() =>
      keepAll(
        'photographs',
        some.map(({ id, name, file, place }) => {
          const record: KeptPhoto = { name, file, place, sample: isSample(file) };
          return [id, record];
        }),
      ),
    );

  const ordered = computed(() => {
    if (order.value === 'added') return all.value;
    const rank = ({ state }: Photo): number => {
      const { value } = state;
      if (value.kind === 'done') return Number.isFinite(value.result.score) ? value.result.score : 2;
      return value.kind === 'failed' ? 3 : -1;
    };
    // What could not be read is the worst: nobody has looked at it.
    return all.value
      .map((photo, at) => ({ photo, at, rank: rank(photo) }))
      .sort((a, b) => b.rank - a.rank || a.at - b.at)
      .map(({ photo }) => photo);
  });

  return {
    all,
    ordered,
    order,
    selected,
    add(files) {
      const added = files.map((file) => create(file.name, file, { kind: 'waiting' }));
      batch(() => {
        all.value = [...all.value, ...added];
        selected.value = added[0] ?? selected.value;
      });
      keepPhotos(added);
    },
    remove(some) {
      const gone = new Set(some);
      const before = all.peek();
      const wasSelected = selected.peek();
      const rest = before.filter((photo) => !gone.has(photo));
      batch(() => {
        if (wasSelected && gone.has(wasSelected)) {
          const shown = ordered.peek();
          const after = shown.slice(shown.indexOf(wasSelected)).find((photo) => !gone.has(photo));
          selected.value = after ?? shown.filter((photo) => !gone.has(photo)).at(-1);
        }
        all.value = rest;
      });
      const ids = some.map(({ id }) => id);
      whenOwner(() => forget('photographs', ...ids));
      return {
        undo() {
          // Where they were.
          batch(() => {
            all.value = [...all.peek(), ...some].sort((a, b) => a.place - b.place);
            selected.value = wasSelected ?? selected.peek();
          });
          keepPhotos(some);
        },
        settle() {
          for (const photo of some) photo.release();
          maps.drop(ids);
          whenOwner(() => forget('results', ...ids));
        },
      };
    },
    finish(photo, { score, map, image }) {
      const { width, height, data } = map;
      const state: KeptResult = { kind: 'done', result: { score, ...image } };
      const keeping = maps.put(photo.id, { width, height, values: data });
      photo.state.value = state;
      // The map first: a result without one would show nothing after a reload.
      whenOwner(async () => {
        await keeping;
        await keepResult(photo.id, state);
      });
    },
    fail(photo, problem) {
      const state: KeptResult = { kind: 'failed', problem };
      photo.state.value = state;
      whenOwner(() => keepResult(photo.id, state));
    },
    map: ({ id }) => maps.get(id),
    mapAtHand: ({ id }) => maps.peek(id),
    async load(some) {
      const added: Photo[] = [];
      for (const { name, file, sample, state, map } of some) {
        if (sample) markSample(file);
        const known = state?.kind === 'failed' || map ? state : undefined;
        const photo = create(name, file, known ?? { kind: 'stopped' });
        if (map) await maps.put(photo.id, map);
        if (known) whenOwner(() => keepResult(photo.id, known));
        added.push(photo);
      }
      keepPhotos(added);
      batch(() => {
        all.value = [...all.peek(), ...added];
        selected.value = added[0] ?? selected.peek();
      });
    },
    async restore() {
      if (!(await ownsWork())) return;
      // What a page that was closed in the middle of an undo left behind.
      if ((await bringBack()) === 0) await Promise.all([forgetAll('results'), forgetAll('maps')]);
    },
    async takeOver() {
      const own = all.peek();
      await bringBack();
      for (const photo of own) {
        places += 1;
        photo.place = places;
      }
      keepPhotos(own);
      await maps.keepRest();
      for (const { id, state } of own) {
        const now = state.peek();
        if (now.kind === 'done' || now.kind === 'failed') await keepResult(id, now);
      }
    },
  };

  /** @returns how many there were */
  async function bringBack(): Promise<number> {
    const [records, results] = await Promise.all([
      allKept<KeptPhoto>('photographs'),
      allKept<Scored>('results'),
    ]);
    const now = scoring.peek();
    const known = new Map(results.filter(([, { by }]) => by === now));
    const back = records
      .sort(([, a], [, b]) => a.place - b.place)
      .map(([id, { name, file, sample, place }]) => {
        if (sample) markSample(file);
        return create(name, file, known.get(id) ?? { kind: 'stopped' }, { id, place });
      });
    batch(() => {
      all.value = [...back, ...all.peek()];
      selected.value ??= all.peek()[0];
    });
    return back.length;
  }
}
