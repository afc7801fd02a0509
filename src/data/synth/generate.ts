/** Which images a synthetic data set has; pure. generate.node.ts writes them. */

import { createRandom, deriveSeed } from '../../base/random.ts';
import type { Meta, Split } from '../dataset.ts';
import { describe } from './captions.ts';
import { type DefectName, defectNames } from './defects/index.ts';
import { type Drawing, drawImage } from './draw.ts';
import { type FamilyName, families, familyNames } from './families/index.ts';
import { defectsOf, familiesOf, type Role } from './roles.ts';

export interface SynthOptions {
  seed: number;
  /** Pixels a side. Default 96. */
  imageSize?: number;
  /** Only families of this role. */
  role?: Role;
  /** Default: all families, of the role if there is one. */
  classes?: readonly FamilyName[];
  /** Each class gets those of them that can happen to it. Default: each class gets the defects of its role. */
  defects?: readonly DefectName[];
  /** Normal images of each class in the split `train`. Default 0. */
  train?: number;
  /** Normal images of each class in the split `test`. Default 8. */
  good?: number;
  /** Images with a defect of each class in the split `test`, spread evenly over its defects. Default 8. */
  defective?: number;
}

/** An image of a data set that is written, by us. */
export interface DatasetItem {
  className: string;
  split: Split;
  defect: string | null;
  /** Relative paths with `/`, in the layout of MVTec AD; `mask` null for normal images. */
  image: string;
  mask: string | null;
}

export interface SynthItem extends DatasetItem {
  className: FamilyName;
  defect: DefectName | null;
  seed: number;
}

export const defaultImageSize = 96;
/** Drawing takes some dozens of bytes a pixel. */
export const largestImageSize = 4096;

/**
 * The images of a data set, in order. An image's seed depends on the data set's seed and on its own place only:
 * other counts or classes leave it as it is. Throws RangeError for options that make no sense.
 */
export function planDataset(options: SynthOptions): SynthItem[] {
  const { seed, role, train = 0, good = 8, defective = 8 } = options;
  const possible = role ? familiesOf(role) : familyNames;
  const classes = options.classes ?? possible;
  for (const [name, value] of Object.entries({ train, good, defective })) {
    if (!Number.isInteger(value) || value < 0)
      throw new RangeError(`${name}: expected a count, found ${value}`);
  }
  const size = options.imageSize ?? defaultImageSize;
  if (!Number.isInteger(size) || size < 16 || size > largestImageSize)
    throw new RangeError(`imageSize: expected an integer of 16 to ${largestImageSize}, found ${size}`);
  expectSome('classes', possible, classes);
  expectSome('defects', defectNames, options.defects ?? []);
  const items: SynthItem[] = [];
  for (const className of classes) {
    const add = (split: Split, defect: DefectName | null, count: number): void => {
      const kind = defect ?? 'good';
      for (let index = 0; index < count; index++) {
        const name = String(index).padStart(3, '0');
        items.push({
          className,
          split,
          defect,
          seed: deriveSeed(seed, className, split, kind, index),
          image: `${className}/${split}/${kind}/${name}.png`,
          mask: defect && `${className}/ground_truth/${defect}/${name}_mask.png`,
        });
      }
    };
    add('train', null, train);
    add('test', null, good);
    const kinds = options.defects
      ? families[className].defects.filter((name) => options.defects?.includes(name))
      : defectsOf(className);
    if (defective > 0 && kinds.length === 0) {
      throw new RangeError(`defects: none of ${options.defects} can happen to ${className}`);
    }
    kinds.forEach((kind, k) => {
      add('test', kind, Math.floor((defective + kinds.length - 1 - k) / kinds.length));
    });
  }
  if (items.length === 0) throw new RangeError('a data set without images: raise train, good or defective');
  return items;
}

function expectSome(option: string, possible: readonly string[], found: readonly string[]): void {
  const wrong = found.find((name) => !possible.includes(name));
  if (wrong !== undefined)
    throw new RangeError(`${option}: expected some of ${possible.join(', ')}, found ${wrong}`);
}

/**
 * An image of the data set with its caption. Where no place shows the defect another picture of the family is
 * drawn. Throws RangeError if none of many shows it: the image is too small for it.
 */
export function drawItem(
  { className, defect, seed }: Pick<SynthItem, 'className' | 'defect' | 'seed'>,
  imageSize: number,
): Drawing & { caption: string } {
  for (let attempt = 0; attempt < 20; attempt++) {
    const own = attempt === 0 ? seed : deriveSeed(seed, 'again', attempt);
    const drawing = drawImage(className, defect, { seed: own, size: imageSize });
    if (drawing.defect !== defect) continue;
    const random = createRandom(deriveSeed(own, 'caption'));
    return { ...drawing, caption: describe(random, { family: className, ...drawing }) };
  }
  throw new RangeError(`imageSize: at ${imageSize} pixels no ${defect} of ${className} can be seen`);
}

/** meta.json of the images, as the published code reads it. */
export function metaOf(items: readonly DatasetItem[]): Meta {
  const meta: Meta = { train: {}, test: {} };
  for (const { className, split, defect, image, mask } of items) {
    meta[split][className] ??= [];
    meta[split][className].push({
      img_path: image,
      mask_path: mask ?? '',
      cls_name: className,
      specie_name: defect ?? 'good',
      anomaly: defect ? 1 : 0,
    });
  }
  return meta;
}
