// Pictures that the commands write.
import { writeFileAtomic } from '../base/files.node.ts';
import type { AnomalyMap } from '../data/heatmap.ts';
import { encodePng } from '../data/image.node.ts';
import type { RgbImage } from '../data/image.ts';
import { loadSharp } from '../data/sharp.node.ts';

/** A map in [0, 1] as a 16-bit grey PNG: value / 65535. */
export async function writeMap(file: string, { width, height, values }: AnomalyMap): Promise<void> {
  const words = Uint16Array.from(values, (value) => Math.round(65535 * Math.max(0, Math.min(1, value))));
  const sharp = await loadSharp();
  const png = await sharp(words, { raw: { width, height, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();
  await writeFileAtomic(file, png);
}

export const writeImage = async (file: string, image: RgbImage): Promise<void> =>
  writeFileAtomic(file, await encodePng(image));

/** Squares of `size` pixels, row by row on white, images squashed into them. */
export async function writeContactSheet(
  file: string,
  rows: readonly (readonly RgbImage[])[],
  size: number,
): Promise<void> {
  const sharp = await loadSharp();
  const gap = 4;
  const columns = Math.max(...rows.map((row) => row.length));
  const at = (i: number) => gap + i * (size + gap);
  const tiles = await Promise.all(
    rows.flatMap((row, y) =>
      row.map(async ({ width, height, data }, x) => ({
        input: await sharp(data, { raw: { width, height, channels: 3 } })
          .resize(size, size, { fit: 'fill' })
          .png()
          .toBuffer(),
        left: at(x),
        top: at(y),
      })),
    ),
  );
  const sheet = sharp({
    create: { width: at(columns), height: at(rows.length), channels: 3, background: 'white' },
  });
  await writeFileAtomic(file, await sheet.composite(tiles).png().toBuffer());
}
