// Results as files.
import type { DetectorInfo } from '../../src/detector/index.ts';
import { download, stem } from '../core/download.ts';
import type { ModelChoice } from '../engine/choice.ts';
import { findRegions } from '../studio/regions.ts';
import { asMap, drawPicture, studio } from '../studio/studio.ts';
import { type Display, heatSettings } from './display.ts';
import type { Photo } from './photos.ts';

interface Context {
  readonly display: Display;
  readonly choice: ModelChoice;
  readonly info: DetectorInfo | undefined;
}

const detectionOf = (photo: Photo) => {
  const state = photo.state.peek();
  return state.kind === 'done' ? state.detection : undefined;
};

/** Saves the photograph with heat and outlines. */
export async function savePicture(photo: Photo, { display }: Context): Promise<void> {
  const detection = detectionOf(photo);
  if (!detection) return;
  const map = asMap(detection);
  download(`${stem(photo.name)}.heatmap.png`, await drawPicture(photo.file, map, heatSettings(display, map)));
}

/** Saves scores, regions and maps of some photographs. */
export async function saveNumbers(photos: readonly Photo[], context: Context): Promise<void> {
  const images = photos.flatMap((photo) => describe(photo, context) ?? []);
  if (images.length === 0) return;
  const { choice, info } = context;
  const model = {
    clip: choice.clip.label,
    sha256: info?.clip.sha256,
    prompts: choice.prompts?.label,
    notice: info?.clip.notice,
    adapter: info?.adapter,
  };
  const name = images.length === 1 ? stem(photos[0]!.name) : `faprompt-${images.length}-images`;
  download(`${name}.scores.json`, await studio().json({ model, images }));
}

/** An image as in scores.json of `faprompt detect`, with regions in pixels of the photograph and the map's values. */
function describe(photo: Photo, { display }: Context) {
  const detection = detectionOf(photo);
  if (!detection) return undefined;
  const map = asMap(detection);
  const { threshold } = heatSettings(display, map);
  const { width, height } = detection.image;
  return {
    image: photo.name,
    width,
    height,
    score: detection.score,
    ...(detection.anomalous === undefined ? {} : { anomalous: detection.anomalous }),
    threshold,
    regions: findRegions(map, threshold).map((region) => ({
      x: Math.round(region.left * width),
      y: Math.round(region.top * height),
      width: Math.round(region.width * width),
      height: Math.round(region.height * height),
      peak: region.peak,
      area: region.area,
    })),
    map,
  };
}
