// The photographs being inspected.
import { type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import type { Detection } from '../../src/detector/index.ts';
import type { Problem } from '../engine/problems.ts';

export type PhotoState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'working' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'done'; readonly detection: Detection }
  | { readonly kind: 'failed'; readonly problem: Problem };

export interface Photo {
  readonly id: number;
  readonly name: string;
  readonly file: Blob;
  /** For img elements. */
  readonly url: string;
  readonly state: Signal<PhotoState>;
}

export interface Photos {
  readonly all: ReadonlySignal<readonly Photo[]>;
  readonly selected: Signal<Photo | undefined>;
  /** Adds files and selects the first of them. */
  add(files: readonly File[]): void;
  remove(photo: Photo): void;
  clear(): void;
}

export function createPhotos(): Photos {
  const all = signal<readonly Photo[]>([]);
  const selected = signal<Photo | undefined>(undefined);
  let ids = 0;
  return {
    all,
    selected,
    add(files) {
      const added = files.map((file): Photo => {
        const state = signal<PhotoState>({ kind: 'waiting' });
        return { id: ++ids, name: file.name, file, url: URL.createObjectURL(file), state };
      });
      all.value = [...all.value, ...added];
      selected.value = added[0] ?? selected.value;
    },
    remove(photo) {
      const at = all.value.indexOf(photo);
      all.value = all.value.filter((other) => other !== photo);
      if (selected.value === photo) selected.value = all.value[Math.min(at, all.value.length - 1)];
      URL.revokeObjectURL(photo.url);
    },
    clear() {
      for (const { url } of all.value) URL.revokeObjectURL(url);
      selected.value = undefined;
      all.value = [];
    },
  };
}
