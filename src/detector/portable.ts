// Image sources in a form that can be sent to a worker: elements of a page cannot.
import type {
  ImageSource,
  PromptsSource,
  TrainedSource,
  TrainOptions,
  TrainSample,
  WrittenSource,
} from './api.ts';
import { DetectorError } from './errors.ts';
import { videoPixels } from './video-frame.ts';

export type PortableImage = { readonly name: string } & (
  | { readonly file: string | Blob | Uint8Array }
  | { readonly bitmap: ImageBitmap }
  | PortablePixels
);

export interface PortablePixels {
  readonly width: number;
  readonly height: number;
  /** 1, 3 or 4 bytes a pixel. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

export interface PortableSample {
  readonly name: string;
  readonly image: PortableImage;
  readonly mask?: PortableImage;
  readonly className?: string;
}

export interface PortableTraining extends Omit<TrainOptions, 'samples'> {
  readonly samples: readonly PortableSample[];
}

/** As decoded: no colour management, no multiplication by alpha; EXIF orientation is applied. */
export const bitmapOptions: ImageBitmapOptions = {
  colorSpaceConversion: 'none',
  premultiplyAlpha: 'none',
  imageOrientation: 'from-image',
};

/** Prompts in their own words: hand-written ones, or a file with what it needs besides. */
export const isDescribed = (prompts: PromptsSource): prompts is WrittenSource | TrainedSource =>
  typeof prompts === 'object' &&
  prompts !== null &&
  !(prompts instanceof URL || prompts instanceof Blob || prompts instanceof Uint8Array);

/** Of these, a file of trained ones. */
export const isTrained = (prompts: WrittenSource | TrainedSource): prompts is TrainedSource =>
  'file' in prompts;

const isA = (value: unknown, name: string): boolean => {
  const known = (globalThis as Record<string, unknown>)[name];
  return typeof known === 'function' && value instanceof known;
};

/** Addresses as seen from the page (or a worker of the page's own): the library's worker has another. In Node as they are. */
export function absolute(address: string | URL): string {
  if (typeof document !== 'undefined') return new URL(address, document.baseURI).href;
  return typeof location === 'undefined' ? String(address) : new URL(address, location.href).href;
}

/**
 * @param name for messages; default: a file's name, an address, or "image"
 * @throws DetectorError 'bad-image' for something that is no image source, or an element that cannot be read
 */
export async function portable(
  source: ImageSource | NonNullable<TrainSample['mask']>,
  name?: string,
): Promise<PortableImage> {
  if (typeof source === 'string' || source instanceof URL)
    return { name: name ?? shortAddress(String(source)), file: absolute(source) };
  if (source instanceof Uint8Array) return { name: name ?? 'image', file: source };
  if (source instanceof Blob)
    return { name: name ?? ('name' in source ? String(source.name) : 'image'), file: source };
  const called = name ?? 'image';
  if (typeof createImageBitmap === 'function' && elements.some((kind) => isA(source, kind))) {
    try {
      if (isA(source, 'HTMLImageElement')) await (source as HTMLImageElement).decode();
      const shown = isA(source, 'HTMLVideoElement') && (await videoPixels(source as HTMLVideoElement));
      if (shown) return { name: called, width: shown.width, height: shown.height, data: shown.data };
      return { name: called, bitmap: await createImageBitmap(source as ImageBitmapSource, bitmapOptions) };
    } catch (cause) {
      throw new DetectorError('bad-image', `${called}: cannot be read: ${(cause as Error).message}`, {
        file: called,
        cause,
      });
    }
  }
  if (isPixels(source))
    return { name: called, width: source.width, height: source.height, data: source.data };
  throw new DetectorError(
    'bad-image',
    `${called}: expected an address, a Blob, a bitmap, an element, or pixels { width, height, data } of 1, 3 or 4 bytes each, found ${describe(source)}`,
    { file: called },
  );
}

const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** Bytes only: what is no byte, NaN for one, would pass for a dark pixel. */
function isPixels(source: unknown): source is PortablePixels {
  const { width, height, data } = (source ?? {}) as PortablePixels;
  return (
    [width, height].every((side) => Number.isSafeInteger(side) && side > 0) &&
    /^Uint8(Clamped)?Array$/.test(kindOf(data)) &&
    [1, 3, 4].includes(data.length / (width * height))
  );
}

function describe(source: unknown): string {
  const { width, height, data } = (source ?? {}) as PortablePixels;
  if (data === undefined) return kindOf(source);
  return `${kindOf(data)} of ${data?.length} for ${width} x ${height}`;
}

const elements = [
  'HTMLImageElement',
  'HTMLCanvasElement',
  'HTMLVideoElement',
  'OffscreenCanvas',
  'ImageBitmap',
];

const shortAddress = (address: string): string =>
  address.startsWith('data:') ? 'image' : address.replace(/[?#].*$/, '');

/** @throws DetectorError 'bad-option' for what is no list, else as `portable` */
export async function portableSamples(samples: readonly TrainSample[]): Promise<PortableSample[]> {
  if (!Array.isArray(samples)) throw new DetectorError('bad-option', 'samples: expected a list of images');
  return Promise.all(
    samples.map(async ({ image, mask, name, className }, i) => {
      const made = await portable(image, name);
      const called = name ?? (made.name === 'image' ? `sample ${i + 1}` : made.name);
      return {
        name: called,
        image: { ...made, name: called },
        ...(mask === undefined ? {} : { mask: await portable(mask, `mask of ${called}`) }),
        ...(className === undefined ? {} : { className }),
      };
    }),
  );
}

/** Frees the bitmaps that were made for a job. */
export function release(...images: readonly (PortableImage | undefined)[]): void {
  for (const image of images) if (image && 'bitmap' in image) image.bitmap.close();
}
