// Photographs and results in the browser's database, as far as this tab is the one that keeps the work.
import type { ReadonlySignal } from '@preact/signals-core';
import { allKept, forget, forgetAll, keep, keepAll, ownsWork } from '../core/keep.ts';
import type { Ended, Photo } from './photo.ts';
import { isSample, markSample } from './samples.ts';

interface KeptPhoto {
  readonly name: string;
  readonly file: Blob;
  readonly place: number;
  readonly sample: boolean;
}

/** A result of another model is none of the one in use: a reload may come between the two. */
type Scored = Ended & { readonly by: string | undefined };

export const whenOwner = (work: () => Promise<unknown>): void =>
  void ownsWork().then((owner) => owner && work());

export const keepPhotos = (photos: readonly Photo[]): void =>
  whenOwner(() =>
    keepAll(
      'photographs',
      photos.map(({ id, name, file, place }) => {
        const record: KeptPhoto = { name, file, place, sample: isSample(file) };
        return [id, record];
      }),
    ),
  );

/** @param by what the score comes from */
export const keepResult = (id: string, state: Ended, by: string | undefined): Promise<boolean> =>
  keep('results', id, { ...state, by } satisfies Scored);

export const forgetKept = (room: 'photographs' | 'results', photos: readonly Photo[]): void =>
  whenOwner(() => forget(room, ...photos.map(({ id }) => id)));

/** What photographs that are gone have left behind: the page was closed in the middle of an undo. */
export const forgetLeftovers = async (): Promise<void> => {
  await Promise.all([forgetAll('results'), forgetAll('maps')]);
};

export interface Found extends Pick<Photo, 'id' | 'name' | 'file' | 'place'> {
  readonly state: Ended | undefined;
}

/** All that are kept, in the order in which they came. @param scoring what scores come from */
export async function keptPhotos(scoring: ReadonlySignal<string | undefined>): Promise<readonly Found[]> {
  const [records, results] = await Promise.all([
    allKept<KeptPhoto>('photographs'),
    allKept<Scored>('results'),
  ]);
  const now = scoring.peek();
  const known = new Map(results.filter(([, result]) => result.by === now));
  return records
    .sort(([, a], [, b]) => a.place - b.place)
    .map(([id, { name, file, place, sample }]) => {
      if (sample) markSample(file);
      return { id, name, file, place, state: known.get(id) };
    });
}
