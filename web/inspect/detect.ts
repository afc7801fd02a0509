// One photograph through the detector: whole, or in tiles, in which small defects are larger.
import type { Detection, Detector, JobOptions } from '../../src/detector/index.ts';
import type { Engine, JobTools } from '../engine/engine.ts';
import { tilesOf } from '../studio/stitch.ts';
import { asMap, studio } from '../studio/studio.ts';

export interface Source {
  readonly file: Blob;
  readonly name: string;
}

export type Detect = (source: Source, detector: Detector, tools: JobTools) => Promise<Detection>;

/** As the library decodes files. */
const asStored: ImageBitmapOptions = {
  colorSpaceConversion: 'none',
  premultiplyAlpha: 'none',
  imageOrientation: 'from-image',
};
/** Pixels a side of a map of tiles, at most. */
const mostSide = 1024;

/** Measures on the way how fast this device is. */
export function createDetect({ setPace, tiles }: Engine): Detect {
  const whole: Detect = async ({ file, name }, detector, { progress, signal }) => {
    let operations = 0;
    const detection = await detector.detect(file, {
      name,
      signal,
      progress(now) {
        if (now.phase === 'compute') operations = now.total;
        progress(now);
      },
    });
    setPace(operations, detection.times.compute);
    return detection;
  };

  async function inTiles(
    n: number,
    { file, name }: Source,
    detector: Detector,
    tools: JobTools,
  ): Promise<Detection> {
    const photograph = await createImageBitmap(file, asStored).catch(() => undefined);
    // What it is that cannot be read is the library's to say.
    if (!photograph) return whole({ file, name }, detector, tools);
    const { width, height } = photograph;
    const parts = tilesOf(width, height, n);
    const found: Detection[] = [];
    try {
      for (const [i, { x, y, width: w, height: h }] of parts.entries()) {
        const part = await createImageBitmap(photograph, x, y, w, h, asStored);
        const { signal } = tools;
        const options: JobOptions = {
          name,
          signal,
          progress: ({ phase, done, total }) =>
            tools.progress(
              phase === 'compute'
                ? { phase, done: i * total + done, total: parts.length * total }
                : { phase, done, total },
            ),
        };
        // The library takes a copy; this one would wait for the garbage collector.
        found.push(await detector.detect(part, options).finally(() => part.close()));
      }
    } finally {
      photograph.close();
    }
    const side = Math.min(mostSide, n * found[0]!.map.width);
    const maps = parts.map((tile, i) => ({ tile, map: asMap(found[i]!) }));
    const { values } = await studio().stitch(maps, width, height, side);
    const sum = (part: keyof Detection['times']) => found.reduce((all, { times }) => all + times[part], 0);
    return {
      // The photograph is as bad as its worst part.
      score: Math.max(...found.map(({ score }) => score)),
      map: { width: side, height: side, data: values },
      image: { width, height },
      times: { decode: sum('decode'), compile: sum('compile'), compute: sum('compute') },
    };
  }

  return (source, detector, tools) =>
    tiles.peek() > 1 ? inTiles(tiles.peek(), source, detector, tools) : whole(source, detector, tools);
}
