// One photograph, and how it came out.
import { type Signal, signal } from '@preact/signals-core';
import { type ObjectUrl, objectUrl } from '../core/object-url.ts';
import type { Problem } from '../engine/problems.ts';

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

/** One that stays: it can be kept. */
export type Ended = Extract<PhotoState, { kind: 'done' | 'failed' }>;

export interface Photo extends ObjectUrl {
  readonly id: string;
  readonly name: string;
  readonly file: Blob;
  readonly state: Signal<PhotoState>;
  /** Where it is among all that ever came. */
  place: number;
}

let places = 0;
const ofThisVisit = new Set<string>();

/** @param given `id` and `place` are those that it had before a reload */
export function createPhoto(
  given: Pick<Photo, 'name' | 'file'> & Partial<Pick<Photo, 'id' | 'place'>>,
  state: PhotoState,
): Photo {
  const { name, file, id = newId(), place = places + 1 } = given;
  const address = objectUrl(file);
  places = Math.max(places, place);
  return {
    id,
    place,
    name,
    file,
    state: signal(state),
    get url() {
      return address.url;
    },
    release: address.release,
  };
}

function newId(): string {
  const id = crypto.randomUUID();
  ofThisVisit.add(id);
  return id;
}

/** Whether a photograph came since the page was opened. @param id of one; absent: of any */
export const cameNow = (id?: string): boolean =>
  id === undefined ? ofThisVisit.size > 0 : ofThisVisit.has(id);

/** As if it came now. */
export function moveToEnd(photo: Photo): void {
  places += 1;
  photo.place = places;
}

/** By score; what could not be read is the worst: nobody has looked at it. */
export function worstFirst(photos: readonly Photo[]): readonly Photo[] {
  const rank = ({ state }: Photo): number => {
    const { value } = state;
    if (value.kind === 'done') return Number.isFinite(value.result.score) ? value.result.score : 2;
    return value.kind === 'failed' ? 3 : -1;
  };
  return photos
    .map((photo, at) => ({ photo, at, rank: rank(photo) }))
    .sort((a, b) => b.rank - a.rank || a.at - b.at)
    .map(({ photo }) => photo);
}
