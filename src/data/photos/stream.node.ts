/** A seeded stream of captioned photographs: flawless, with a painted defect, or with a real one. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { readText } from '../../base/open.node.ts';
import { createRandom, deriveSeed, type Random } from '../../base/random.ts';
import { DatasetError } from '../errors.ts';
import { readImage, readMask } from '../image.node.ts';
import type { Mask, RgbImage } from '../image.ts';
import { loadSharp } from '../sharp.node.ts';
import { photograph } from '../synth/camera.ts';
import type { Naming } from '../synth/captions.ts';
import { defects } from '../synth/defects/index.ts';
import { showDefect } from '../synth/draw.ts';
import { cutOut, describePhoto, namingOf, photoWords, thingOf } from './captions.ts';
import { type Look, lookAt } from './look.ts';
import { asRendering, paintable, paintCutOut, paintDefect } from './paint.ts';
import { bySource, type Photo, parsePhotos, trainingPhotos } from './photos.ts';

export type PhotoKind = 'flawless' | 'painted' | 'real';

export interface PhotoSample {
  readonly image: RgbImage;
  /** 1 where it is anomalous; null where nobody knows (a defect without a mask). */
  readonly mask: Mask | null;
  readonly abnormal: boolean;
  readonly caption: string;
  /** Describes the same thing in the other state. */
  readonly counterpart: string;
}

export interface PhotoStream {
  /** sha256 of the index and of what is held out. */
  readonly hash: string;
  readonly words: readonly string[];
  readonly photos: readonly Photo[];
  /** The same sample for the same request. @throws ImageError */
  draw(request: PhotoRequest): Promise<PhotoSample>;
}

export interface PhotoRequest {
  readonly kind: PhotoKind;
  readonly seed: number;
  /** Which sample of the stream, from 0. */
  readonly index: number;
  /** Pixels a side. */
  readonly imageSize: number;
  /** What part of the flawless and painted photographs are surfaces; undefined: as sources come. */
  readonly surfaces?: number | undefined;
}

/**
 * The photographs of a folder, but for held-out sources.
 * @throws DatasetError
 */
export const openPhotos = async (dir: string, heldOut: readonly string[]): Promise<PhotoStream> => {
  const file = path.join(dir, 'index.jsonl');
  const photos = trainingPhotos(await readPhotos(dir), heldOut);
  const kinds = new Set(photos.map(({ state }) => state === 'normal'));
  if (kinds.size < 2)
    throw new DatasetError({
      file,
      field: null,
      expected: 'flawless and defective photographs besides held-out sources',
      found: `${photos.length} of one kind`,
    });
  return streamOf(dir, photos);
};

/** All that the folder's index has. @throws DatasetError */
export async function readPhotos(dir: string): Promise<Photo[]> {
  const file = path.join(dir, 'index.jsonl');
  const text = await readText(file).catch((error: NodeJS.ErrnoException) => {
    throw new DatasetError(
      { file: dir, field: null, expected: 'a folder with index.jsonl', found: error.code ?? error.message },
      {
        cause: error,
      },
    );
  });
  return parsePhotos(text, file);
}

/**
 * A stream of these photographs; its kinds are drawn from those of them that can show it. Where all have a defect, parts
 * of them that the masks leave out are flawless.
 */
export function streamOf(dir: string, photos: readonly Photo[]): PhotoStream {
  const normal = photos.filter(({ state }) => state === 'normal');
  const clean = pickByGroup(normal.length > 0 ? normal : photos.filter(({ mask }) => mask !== null));
  const damaged = pickBySource(photos.filter(({ state }) => state !== 'normal'));
  const read = async ({ image, mask }: Photo) => {
    const pixels = await readImage(path.join(dir, image));
    return { pixels, mask: mask === null ? null : await readMask(path.join(dir, mask), pixels) };
  };
  return {
    hash: createHash('sha256').update(JSON.stringify(photos)).digest('hex'),
    words: photoWords(photos),
    photos,
    async draw({ kind, seed, index, imageSize: size, surfaces }) {
      const stream = (name: string) => createRandom(deriveSeed(seed, 'photo', index, name));
      const random = stream('choice');
      const photo = kind === 'real' ? damaged(random) : clean(random, surfaces);
      const { pixels, mask } = await read(photo);
      const options = {
        size,
        turned: photo.group !== 'object',
        leastPart: kind === 'real' && !mask ? 0.85 : 0.4,
      };
      const look = chooseLook(stream('look'), { image: pixels, mask }, options, kind === 'real');
      const camera = photograph(stream('camera'), size);
      const named = (defect: Naming | null) => describePhoto(random, thingOf(photo), defect);
      const finish = async (
        image: RgbImage,
        found: Mask | null,
        defect: Naming | null,
        other: Naming | null,
      ): Promise<PhotoSample> => ({
        image: await compressed(stream('jpeg'), image),
        mask: found,
        abnormal: defect !== null,
        caption: named(defect),
        counterpart: named(other),
      });
      if (kind === 'real') {
        const image = { width: size, height: size, data: camera(look.canvas) };
        return finish(image, mask && asMask(look, size), namingOf(photo)!, null);
      }
      const rendering = asRendering(look.canvas, photo.group === 'object');
      const defect = random.pick([...paintable, 'cut-out' as const]);
      const naming: Naming = defect === 'cut-out' ? cutOut : defects[defect];
      const other = defect === 'cut-out' && kind === 'painted' ? await read(clean(random, surfaces)) : null;
      const scrap = other && lookAt(stream('scrap'), other.pixels, null, { ...options, turned: true }).canvas;
      const drawn = showDefect(
        stream,
        { clean: rendering, camera },
        kind === 'painted' ? (defect === 'cut-out' ? 'contamination' : defect) : null,
        {
          change: (site) => (defect === 'cut-out' ? paintCutOut(site, scrap!) : paintDefect(defect, site)),
        },
      );
      return drawn.defect === null
        ? finish(drawn.image, mask ? asMask(look, size) : drawn.mask, null, naming)
        : finish(drawn.image, drawn.mask, naming, null);
    },
  };
}

/** Surfaces with a share of their own, where one is asked for and there are others. */
function pickByGroup(photos: readonly Photo[]): (random: Random, surfaces?: number) => Photo {
  const any = pickBySource(photos);
  const [surface, other] = [true, false].map((wanted) => {
    const group = photos.filter(({ group }) => (group === 'surface') === wanted);
    return group.length > 0 ? pickBySource(group) : any;
  });
  return (random, surfaces) =>
    (surfaces === undefined ? any : random.next() < surfaces ? surface! : other!)(random);
}

/** Sources with the root of their number of photographs, so that large ones do not drown small ones. */
function pickBySource(photos: readonly Photo[]): (random: Random) => Photo {
  const sources = [...bySource(photos).values()];
  const total = sources.reduce((sum, { length }) => sum + Math.sqrt(length), 0);
  return (random) => {
    let left = random.next() * total;
    const source = sources.find(({ length }) => {
      left -= Math.sqrt(length);
      return left < 0;
    });
    if (sources.length === 0) throw new RangeError('no photograph of this kind');
    return random.pick(source ?? sources.at(-1)!);
  };
}

/** A look that shows some of the masked defect (closer ones that lose it are drawn again), or none of it, from near if need be. */
function chooseLook(
  random: Random,
  { image, mask }: { readonly image: RgbImage; readonly mask: Mask | null },
  options: Parameters<typeof lookAt>[3],
  defect: boolean,
): Look {
  for (let tries = 0; mask && tries < (defect ? 6 : 40); tries++) {
    const leastPart = defect ? options.leastPart : 0.2;
    const look = lookAt(random, image, mask, { ...options, leastPart });
    const covered = look.covered!.reduce((a, b) => a + b, 0);
    if (defect ? covered > 0.004 * options.size ** 2 : covered === 0) return look;
  }
  return lookAt(random, image, mask, { ...options, leastPart: mask ? 1 : options.leastPart });
}

const asMask = ({ covered }: Look, size: number): Mask => ({
  width: size,
  height: size,
  data: Uint8Array.from(covered!, (share) => (share >= 0.5 ? 1 : 0)),
});

/** A third of the photographs have been through JPEG once more. */
async function compressed(random: Random, image: RgbImage): Promise<RgbImage> {
  const quality = 40 + random.int(56);
  if (random.next() > 1 / 3) return image;
  const { width, height } = image;
  const sharp = await loadSharp();
  const jpeg = await sharp(image.data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
  const data = await sharp(jpeg).raw().toBuffer();
  return { width, height, data: new Uint8Array(data) };
}
