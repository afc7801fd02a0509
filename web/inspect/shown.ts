// The map of the photograph that is selected, and its regions: never those of the one before.
import { computed, effect, type ReadonlySignal, signal } from '@preact/signals-core';
import { oneAtATime } from '../core/dom.ts';
import { smallMap } from '../studio/small-map.ts';
import { studio } from '../studio/studio.ts';
import { type Display, heatSettings } from './display.ts';
import type { Judging } from './judged.ts';
import type { Photos } from './photos.ts';
import type { Found, ShownMap } from './stage.ts';

export interface Shown {
  readonly map: ReadonlySignal<ShownMap | undefined>;
  readonly found: ReadonlySignal<Found | undefined>;
  /** Whether the colours are stretched to the photograph that is selected. */
  readonly stretched: ReadonlySignal<boolean>;
  /** For this photograph only. */
  stretch(value: boolean): void;
}

export function createShown(photos: Photos, display: Display, judging: Judging): Shown {
  const { selected } = photos;
  const stretched = computed(() => {
    const photo = selected.value;
    return photo !== undefined && (display.stretch.value.get(photo.id) ?? judging.stretches(photo));
  });
  const loaded = signal<Omit<ShownMap, 'stretched'> | undefined>(undefined);
  effect(() => {
    const photo = selected.value;
    const state = photo?.state.value;
    if (!photo || state?.kind !== 'done') {
      loaded.value = undefined;
      return;
    }
    const map = photos.mapAtHand(photo);
    loaded.value = map && { photo, map: smallMap(map) };
    if (map) return;
    photos.map(photo).then((read) => {
      if (read && selected.peek() === photo && photo.state.peek() === state)
        loaded.value = { photo, map: smallMap(read) };
    });
  });
  const map = computed(() => {
    const now = loaded.value;
    return now?.photo === selected.value && now ? { ...now, stretched: stretched.value } : undefined;
  });

  const latest = signal<(Found & { readonly of: ShownMap }) | undefined>(undefined);
  // Not here: of a large map that takes longer than a frame.
  const look = oneAtATime(async (now: ShownMap, threshold: number) => {
    const marked = await studio().mark(now.map, threshold);
    latest.value = { photo: now.photo, ...marked, stretched: now.stretched, of: now };
  });
  effect(() => {
    const now = map.value;
    if (now) look(now, heatSettings(display, now.map, now.stretched).threshold);
  });
  return {
    map,
    found: computed(() => {
      const [now, then] = [map.value, latest.value];
      // While the threshold moves, what was found a moment ago; of another map, nothing.
      return now && then && then.of.map === now.map && then.stretched === now.stretched ? then : undefined;
    }),
    stretched,
    stretch(value) {
      const photo = selected.peek();
      if (photo) display.stretch.value = new Map(display.stretch.peek()).set(photo.id, value);
    },
  };
}
