// The maps of all photographs: the last ones in memory, all of them in the browser's database where this tab may.
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import { forget, keep, kept, ownsWork } from '../core/keep.ts';

export interface Maps {
  put(id: string, map: AnomalyMap): Promise<void>;
  /** What is in memory. */
  peek(id: string): AnomalyMap | undefined;
  get(id: string): Promise<AnomalyMap | undefined>;
  drop(ids: readonly string[]): void;
  /** Keeps what could not be kept so far. */
  keepRest(): Promise<void>;
}

/** A day's photographs have more maps than memory; those of tiles are large. At least so many, so many bytes at most. */
const inMemory = { maps: 2, bytes: 2 ** 25 };

export function createMaps(): Maps {
  const latest = new Map<string, AnomalyMap>();
  /** Not in the database: it was refused, or is another tab's. */
  const only = new Map<string, AnomalyMap>();
  const remember = (id: string, map: AnomalyMap): void => {
    latest.delete(id);
    latest.set(id, map);
    let bytes = [...latest.values()].reduce((sum, { values }) => sum + values.byteLength, 0);
    for (const [oldest, { values }] of latest) {
      if (latest.size <= inMemory.maps || bytes <= inMemory.bytes) break;
      latest.delete(oldest);
      bytes -= values.byteLength;
    }
  };
  return {
    async put(id, map) {
      remember(id, map);
      only.set(id, map);
      if ((await ownsWork()) && (await keep('maps', id, map))) only.delete(id);
    },
    peek: (id) => latest.get(id) ?? only.get(id),
    async get(id) {
      const here = latest.get(id) ?? only.get(id);
      if (here) return here;
      const found = await kept<AnomalyMap>('maps', id);
      if (found) remember(id, found);
      return found;
    },
    async keepRest() {
      for (const [id, map] of [...only]) if (await keep('maps', id, map)) only.delete(id);
    },
    drop(ids) {
      for (const id of ids) {
        latest.delete(id);
        only.delete(id);
      }
      void ownsWork().then((owner) => (owner && ids.length > 0 ? forget('maps', ...ids) : undefined));
    },
  };
}
