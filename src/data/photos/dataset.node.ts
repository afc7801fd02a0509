/** A data set of photographs with painted and with real defects, for training prompts and for measuring them. */
import { deriveSeed } from '../../base/random.ts';
import { DatasetError } from '../errors.ts';
import type { FamilyName } from '../synth/families/index.ts';
import { type DrawnItem, writeDataset } from '../synth/generate.node.ts';
import { type DatasetItem, drawItem, planDataset } from '../synth/generate.ts';
import { bySource, heldOutSources, type Photo } from './photos.ts';
import { type PhotoKind, type PhotoSample, readPhotos, streamOf } from './stream.node.ts';

export interface PhotoSetOptions {
  readonly seed: number;
  /** Pixels a side. Default 128. */
  readonly imageSize?: number;
  /** Names of sources. Default: all that can show a defect with a mask, but for those that are held out of trainings. */
  readonly sources?: readonly string[];
  /** Families of the generator that are drawn beside them. Default: none. */
  readonly families?: readonly FamilyName[];
  /** Flawless images of each source. Default 8. */
  readonly good?: number;
  /** Images with a defect of each source: real ones where it has them with masks, else painted. Default 8. */
  readonly defective?: number;
}

/**
 * Writes the data set to `dir`, as `generate` does: a class for each source, all in the split `test`. A source with
 * photographs of defects only gives parts of them that the masks leave out as its flawless images.
 * @param photos the folder with index.jsonl
 * @throws DatasetError, RangeError
 */
export async function generateFromPhotos(
  dir: string,
  photos: string,
  { seed, imageSize = 128, sources: wanted, families = [], good = 8, defective = 8 }: PhotoSetOptions,
  onProgress?: (done: number, total: number) => void,
): Promise<DatasetItem[]> {
  const sources = bySource(await readPhotos(photos));
  const missing = wanted?.find((name) => !sources.has(name));
  if (missing !== undefined)
    throw new DatasetError({
      file: photos,
      field: missing,
      expected: `some of ${[...sources.keys()].join(', ')}`,
      found: missing,
    });
  const names =
    wanted ??
    [...sources].flatMap(([name, of]) => (usable(of) && !heldOutSources.includes(name) ? name : []));
  const drawings = new Map<DatasetItem, () => DrawnItem | Promise<DrawnItem>>();
  for (const name of names) {
    const of = sources.get(name)!;
    const masked = of.filter(({ state, mask }) => state !== 'normal' && mask !== null);
    if (!usable(of))
      throw new DatasetError({
        file: photos,
        field: name,
        expected: 'flawless photographs, or masks of defects',
        found: 'neither',
      });
    const stream = streamOf(photos, [...of.filter(({ state }) => state === 'normal'), ...masked]);
    const add = (kind: PhotoKind, defect: string | null, count: number) => {
      const folder = defect ?? 'good';
      for (let index = 0; index < count; index++) {
        const file = String(index).padStart(3, '0');
        const request = { kind, imageSize, index, seed: deriveSeed(seed, name, folder) };
        const item: DatasetItem = {
          className: name,
          split: 'test',
          defect,
          image: `${name}/test/${folder}/${file}.png`,
          mask: defect && `${name}/ground_truth/${folder}/${file}_mask.png`,
        };
        drawings.set(item, async () => {
          const sample = await showing(defect !== null, (attempt) =>
            stream.draw({ ...request, seed: deriveSeed(request.seed, 'again', attempt) }),
          );
          return { ...sample, mask: sample.mask! };
        });
      }
    };
    add('flawless', null, good);
    const kind = masked.length > 0 ? 'real' : 'painted';
    add(kind, kind, defective);
  }
  if (families.length > 0)
    for (const item of planDataset({ seed, classes: families, good, defective }))
      drawings.set(item, () => drawItem(item, imageSize));
  const items = [...drawings.keys()];
  await writeDataset(dir, items, (item) => drawings.get(item)!(), onProgress);
  return items;
}

/** Draws until the image shows a defect, or none. @throws RangeError */
async function showing(
  defect: boolean,
  draw: (attempt: number) => Promise<PhotoSample>,
): Promise<PhotoSample> {
  for (let attempt = 0; attempt < 40; attempt++) {
    const sample = await draw(attempt);
    const area = sample.mask?.data.reduce((sum, value) => sum + value, 0) ?? 0;
    if (area > 0 === defect) return sample;
  }
  throw new RangeError(`no part of these photographs shows ${defect ? 'a' : 'no'} defect`);
}

const usable = (photos: readonly Photo[]): boolean =>
  photos.some(({ state, mask }) => state === 'normal' || mask !== null);
