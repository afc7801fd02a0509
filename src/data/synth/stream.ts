/** A stream of captioned samples for a trainer: any index can be drawn without the others. */

import { createRandom, deriveSeed } from '../../base/random.ts';
import type { Mask, RgbImage } from '../image.ts';
import { describe } from './captions.ts';
import type { DefectName } from './defects/index.ts';
import { drawImage } from './draw.ts';
import type { FamilyName } from './families/index.ts';
import { defectsOf, familiesOf, type Role } from './roles.ts';

export interface SampleRequest {
  role: Role;
  seed: number;
  /** Which sample of the stream, from 0. */
  index: number;
  /** Pixels a side. */
  imageSize: number;
}

export interface SynthSample {
  image: RgbImage;
  /** 1 where the defect changed the image; all 0 when there is none. */
  mask: Mask;
  family: FamilyName;
  defect: DefectName | null;
  /** Describes the image. */
  caption: string;
  /** Describes the same family in the other state: with a defect of its role, or flawless. */
  counterpart: string;
}

/**
 * Draws one sample, the same for the same request on every machine. About half of the samples are good: half of
 * the draws, and the few where no defect fits into what is in sight. Half of the samples are drawn larger, up to
 * twice, and show a part: the texture of a small training image then has the scale of a larger test image's.
 */
export function drawSample({ role, seed, index, imageSize }: SampleRequest): SynthSample {
  const random = createRandom(deriveSeed(seed, role, index));
  const family = random.pick(familiesOf(role));
  const possible = random.pick(defectsOf(family));
  const wanted = random.next() < 0.5 ? possible : null;
  const zoom = random.next() < 0.5 ? 1 : random.range(1, 2);
  const { image, mask, defect, color } = drawImage(family, wanted, {
    seed: deriveSeed(seed, role, index, 'image'),
    size: imageSize,
    zoom,
  });
  return {
    image,
    mask,
    family,
    defect,
    caption: describe(random, { family, defect, color }),
    counterpart: describe(random, { family, defect: defect === null ? possible : null, color }),
  };
}
