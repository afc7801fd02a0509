// The demo's two photographs: heat maps of the CLIP that learnt photographs, with what ships for it.
import { packageFile } from '../base/package.node.ts';
import { mapRange, overlay } from '../data/heatmap.ts';
import { readImage, readMask } from '../data/image.node.ts';
import type { RgbImage } from '../data/image.ts';
import { choosePrompts } from '../jobs/choice.ts';
import { createDetector } from '../jobs/detection.ts';
import type { Io } from '../jobs/io.ts';
import { maskPicture } from '../jobs/pictures.node.ts';
import { type CacheOptions, openFeatures, promptsSettings, withClip } from '../jobs/session.ts';

/** Materials of ambientCG (CC0) onto which the generator painted a defect; weights/README.md. */
export const demoPhotos = ['cracked-tiles', 'stained-wood'].map((name) => ({
  name,
  image: packageFile(`weights/photos/${name}.jpg`),
  mask: packageFile(`weights/photos/${name}-mask.png`),
}));

export interface PhotoFound {
  readonly name: string;
  readonly score: number;
  /** image | ground truth | heat map, stretched from its own smallest to its largest value */
  readonly tiles: readonly RgbImage[];
}

/** @throws what opening the CLIP and reading the photographs throw */
export function lookAtPhotos(io: Io, clip: string, cache: CacheOptions): Promise<PhotoFound[]> {
  return withClip(io, clip, async (session) => {
    const { prompts } = await choosePrompts(io, session, {});
    const features = openFeatures(io, session, promptsSettings(session, prompts), cache);
    const detector = await createDetector(io, session, { prompts, features });
    const found: PhotoFound[] = [];
    try {
      for await (const result of detector.detect(demoPhotos, ({ image }) => image)) {
        if ('problem' in result) throw result.problem;
        const { item, score, map } = result;
        const image = await readImage(item.image);
        const mask = await readMask(item.mask, image);
        found.push({
          name: item.name,
          score,
          tiles: [image, maskPicture(mask), overlay(image, map, mapRange(map))],
        });
      }
    } finally {
      detector.dispose();
      features.dispose();
    }
    return found;
  });
}
