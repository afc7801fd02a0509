// Every photograph's reading, by the limit in use.
import { computed, type ReadonlySignal } from '@preact/signals-core';
import { plural } from '../core/format.ts';
import type { Engine } from '../engine/engine.ts';
import type { Photo } from './photo.ts';
import { type Place, type Reading, readScore } from './reading.ts';
import { isSample } from './samples.ts';

export interface Judging {
  /** Follows limit and model; undefined while there is no score. */
  reading(photo: Photo, region?: Place): Reading | undefined;
  /** A photograph, and a CLIP that learnt from too little for a verdict on it. */
  unfamiliar(photo: Photo): boolean;
  /** On the fixed scale such a map shows nothing, or everything. */
  stretches(photo: Photo): boolean;
  /** "2 of 10 fail, 1 could not be read." */
  summary(photos: readonly Photo[]): string;
}

export function createJudging({ known, limit, learnt }: Engine): Judging {
  const untrained = () => known.value?.clip.notice !== undefined;
  const unfamiliar = ({ file }: Photo) => (isSample(file) ? undefined : learnt.value);
  const read = (photo: Photo, region?: Place): Reading | undefined => {
    const state = photo.state.value;
    if (state.kind !== 'done') return undefined;
    return readScore({
      score: state.result.score,
      limit: limit.value,
      region,
      untrained: untrained(),
      unfamiliar: unfamiliar(photo),
    });
  };
  /** Read anew only where something changed: each of a day's verdicts counts all of them. */
  const readings = new WeakMap<Photo, ReadonlySignal<Reading | undefined>>();
  const reading = (photo: Photo, region?: Place): Reading | undefined => {
    if (region) return read(photo, region);
    const known = readings.get(photo) ?? computed(() => read(photo));
    readings.set(photo, known);
    return known.value;
  };
  return {
    reading,
    unfamiliar: (photo) => unfamiliar(photo) !== undefined,
    stretches: (photo) => untrained() || unfamiliar(photo) !== undefined,
    summary(photos) {
      const readings = photos.flatMap((photo) => reading(photo) ?? []);
      const judged = readings.filter(({ passes }) => passes !== undefined);
      const fails = judged.filter(({ passes }) => passes === 'fail').length;
      const unread = photos.filter(({ state }) => state.value.kind === 'failed').length;
      return [
        judged.length > 0
          ? `${fails} of ${judged.length} ${fails === 1 && judged.length === 1 ? 'fails' : 'fail'}`
          : readings.length > 0 && `${plural(readings.length, 'photograph')} without a verdict`,
        unread > 0 && `${unread} could not be read`,
      ]
        .filter(Boolean)
        .join(', ')
        .replace(/$/, readings.length + unread > 0 ? '.' : '');
    },
  };
}
