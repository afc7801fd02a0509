// Features that are kept in memory, for runs without a folder to keep them in.
import type { FeatureEntry } from './entry.ts';
import type { FeatureStore } from './source.ts';

/** Bytes of features that are kept; images beyond are encoded every time. */
const mostBytes = 2 ** 29;

export interface FeatureMemory<Image> {
  /** Features of images by what they are found by; they outlive what encoded them. */
  keep(open: Pick<FeatureStore<Image>, 'name' | 'open'>): FeatureStore<Image>;
}

export function createFeatureMemory<Image>(most = mostBytes): FeatureMemory<Image> {
  const entries = new Map<Image, FeatureEntry>();
  let bytes = 0;
  return {
    keep: ({ name, open }) => ({
      name,
      open,
      kept: {
        damaged: 0,
        async obtain(image, take) {
          const known = entries.get(image);
          if (known) return { entry: known };
          return {
            taken: await open(image, take),
            async keep(entry) {
              const size = Object.values(entry.features).reduce((sum, values) => sum + values.byteLength, 0);
              if (bytes + size > most) return;
              if (!entries.has(image)) bytes += size;
              entries.set(image, entry);
            },
          };
        },
      },
    }),
  };
}
