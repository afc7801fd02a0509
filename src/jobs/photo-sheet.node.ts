// A contact sheet of a stream of photographs: each with its mask beneath it.
import type { RgbImage } from '../data/image.ts';
import type { PhotoKind, PhotoRequest, PhotoStream } from '../data/photos/stream.node.ts';
import { maskPicture, writeContactSheet } from './pictures.node.ts';

const perRow = 10;

/** Ten photographs with painted defects, ten with real ones; masks beneath, grey where nobody knows. */
export async function writePhotoSheet(
  file: string,
  photos: PhotoStream,
  look: Omit<PhotoRequest, 'kind' | 'index'>,
): Promise<string[]> {
  const rows: RgbImage[][] = [];
  const captions: string[] = [];
  for (const kind of ['painted', 'real'] as const satisfies readonly PhotoKind[]) {
    const samples = await Promise.all(
      Array.from({ length: perRow }, (_, index) => photos.draw({ kind, index, ...look })),
    );
    captions.push(...samples.map(({ caption }) => caption));
    rows.push(samples.map(({ image }) => image));
    rows.push(samples.map(({ image, mask }) => (mask ? maskPicture(mask) : grey(image))));
  }
  await writeContactSheet(file, rows, Math.max(96, look.imageSize));
  return captions;
}

const grey = ({ width, height, data }: RgbImage): RgbImage => ({
  width,
  height,
  data: new Uint8Array(data.length).fill(128),
});
