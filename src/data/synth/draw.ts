/** One synthetic image: family, defect, light, camera. */

import { createRandom, deriveSeed, type Random } from '../../base/random.ts';
import type { Mask, RgbImage } from '../image.ts';
import { photograph } from './camera.ts';
import { type Canvas, copyCanvas, type Rendering } from './canvas.ts';
import type { ColorName } from './colors.ts';
import { type DefectName, defects } from './defects/index.ts';
import { findPlace, type Site } from './defects/site.ts';
import { type FamilyName, families } from './families/index.ts';
import { createView, type View } from './view.ts';

export interface Drawing {
  image: RgbImage;
  /** 1 exactly where the image differs from the one without defect. */
  mask: Mask;
  /** The defect that is to be seen: null if none was asked for, or none fits into what is in sight. */
  defect: DefectName | null;
  /** Name of the main colour. */
  color: ColorName | null;
}

export interface DrawOptions {
  readonly seed: number;
  /** Pixels a side. */
  readonly size: number;
  /** How much larger than the image the family is drawn, of which the image shows a part: 1 to 2. Default 1. */
  zoom?: number;
  /** From 0 (subtle) to 1 (obvious). Default: a random one. */
  severity?: number;
}

/** A change of a pixel below this, of 255, is not visible: the pixel stays as it was. */
const leastChange = 9;
/** The least area of a mask, as a fraction of the image, and its least mean change: below, nobody would call it a defect. */
const leastArea = 0.0025;
const leastMeanChange = 18;

/**
 * Draws a family, with a defect or (null) without. Family, defect and camera have random numbers of their own: the same
 * seed with and without defect gives images that differ exactly in the mask.
 */
export function drawImage(
  family: FamilyName,
  defect: DefectName | null,
  { seed, size, zoom = 1, severity }: DrawOptions,
): Drawing {
  const stream = (name: string): Random => createRandom(deriveSeed(seed, name));
  const clean = families[family].draw(stream('family'), aim(stream('view'), size, zoom));
  const camera = photograph(stream('camera'), size);
  return { ...showDefect(stream, { clean, camera }, defect, { severity }), color: clean.color };
}

/**
 * Takes a picture with a defect, or (null) without. A defect that hardly shows is tried elsewhere, and worse each time.
 * @param change what changes the rendering; default: the generator's own drawing
 */
export function showDefect(
  stream: (name: string) => Random,
  { clean, camera }: { readonly clean: Rendering; camera(canvas: Canvas): Uint8Array },
  defect: DefectName | null,
  { severity, change }: { severity?: number | undefined; change?: ((site: Site) => void) | undefined } = {},
): Omit<Drawing, 'color'> {
  const { size } = clean.canvas;
  const image = camera(clean.canvas);
  const drawing: Omit<Drawing, 'color'> = {
    image: { width: size, height: size, data: image },
    mask: { width: size, height: size, data: new Uint8Array(size * size) },
    defect: null,
  };
  for (let attempt = 0; defect && attempt < 12; attempt++) {
    const random = stream(attempt === 0 ? 'defect' : `defect ${attempt}`);
    const place = findPlace(random, clean);
    if (!place) break;
    const rendering: Rendering = { ...clean, canvas: copyCanvas(clean.canvas) };
    const grade = Math.min(1, (severity ?? random.next()) + attempt / 6);
    (change ?? defects[defect].draw)({ random, rendering, severity: grade, ...place });
    const defective = camera(rendering.canvas);
    const mask = keepVisible(image, defective);
    if (!mask) continue;
    drawing.image.data = defective;
    drawing.mask.data = mask;
    drawing.defect = defect;
    break;
  }
  return drawing;
}

/** The camera over the family: half of the time nearly straight, and off centre when it is near. */
function aim(random: Random, size: number, zoom: number): View {
  const straight = random.next() < 0.5;
  const angle = straight
    ? random.range(-0.08, 0.08) + (random.int(4) * Math.PI) / 2
    : random.range(0, 2 * Math.PI);
  const reach = 0.3 * (1 - 1 / zoom);
  return createView(size, { zoom, angle, x: random.range(-reach, reach), y: random.range(-reach, reach) });
}

/**
 * The mask of the pixels that changed visibly; those that did not are set back in `defective`. Null if too few
 * changed, or too little.
 */
function keepVisible(clean: Uint8Array, defective: Uint8Array): Uint8Array | null {
  const mask = new Uint8Array(clean.length / 3);
  let [area, total] = [0, 0];
  for (let i = 0, k = 0; i < mask.length; i++, k += 3) {
    const change = Math.max(
      Math.abs(clean[k]! - defective[k]!),
      Math.abs(clean[k + 1]! - defective[k + 1]!),
      Math.abs(clean[k + 2]! - defective[k + 2]!),
    );
    if (change >= leastChange) {
      mask[i] = 1;
      area += 1;
      total += change;
    } else for (let c = k; c < k + 3; c++) defective[c] = clean[c]!;
  }
  return area >= leastArea * mask.length && total >= leastMeanChange * area ? mask : null;
}
