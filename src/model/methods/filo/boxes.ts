// Boxes of a detector for each image, from a file: FiLO uses Grounding DINO's, which is not part of this engine.
import { WeightsError } from '../../../formats/errors.ts';

/** Corners as shares of the image, x to the right, y down. */
export type Corners = readonly [x1: number, y1: number, x2: number, y2: number];

export interface Box {
  readonly corners: Corners;
  readonly score: number;
  /** What the detector says it is; absent: not said. */
  readonly phrase?: string | undefined;
}

/** Boxes of images, by the images' names as the file has them, with slashes. */
export interface BoxFile {
  readonly name: string;
  readonly boxes: ReadonlyMap<string, readonly Box[]>;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads boxes from JSON. Three forms:
 * plain, a list (or one object a line) of `{"image": "a/b.png", "boxes": [{"cxcywh" or "xyxy": [4 shares of the image],
 * "score": 0.4, "phrase": "crack"}]}`, in pixels where the image has a `"size": [width, height]` and `"pixels": true`;
 * COCO, `{"images": [{id, file_name, width, height}], "annotations": [{image_id, bbox: [x, y, w, h], score?,
 * category_id?}], "categories"?: [{id, name}]}`; an image of the file without boxes has none.
 * @throws WeightsError naming file and field
 */
export function readBoxes(text: string, name: string): BoxFile {
  const value = parseJson(text, name);
  const boxes =
    isRecord(value) && Array.isArray(value.images) ? fromCoco(value, name) : fromPlain(value, name);
  return { name, boxes };
}

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const refuse = (file: string, expected: string, found: unknown): never => {
  throw new WeightsError({ file, expected, found: (JSON.stringify(found) ?? 'nothing').slice(0, 120) });
};

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length < 2) return refuse(file, 'JSON', (error as Error).message);
    return lines.map((line, i) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        return refuse(file, `line ${i + 1}: JSON`, line);
      }
    });
  }
}

const four = (value: unknown): value is readonly [number, number, number, number] =>
  Array.isArray(value) && value.length === 4 && value.every((n) => Number.isFinite(n));

const slashes = (path: string): string => path.replaceAll('\\', '/').replace(/^\.\//, '');

function fromPlain(value: unknown, file: string): Map<string, Box[]> {
  const entries = Array.isArray(value) ? value : [value];
  const found = new Map<string, Box[]>();
  for (const [i, entry] of (entries as unknown[]).entries()) {
    const at = `[${i}]`;
    if (!isRecord(entry) || typeof entry.image !== 'string' || !Array.isArray(entry.boxes))
      return refuse(
        file,
        `${at}: {"image": ..., "boxes": [...]}, or COCO's {"images", "annotations"}`,
        entry,
      );
    if (found.has(slashes(entry.image))) return refuse(file, `${at}.image: every image once`, entry.image);
    let scale: readonly [number, number] = [1, 1];
    if (entry.pixels === true) {
      const { size } = entry;
      if (!Array.isArray(size) || size.length !== 2 || !size.every((n) => (n as number) > 0))
        return refuse(file, `${at}.size: [width, height], as the boxes are in pixels`, size);
      scale = [1 / (size[0] as number), 1 / (size[1] as number)];
    }
    const boxes = entry.boxes.map((box: unknown, k): Box => {
      const where = `${at}.boxes[${k}]`;
      if (!isRecord(box)) return refuse(file, `${where}: an object`, box);
      const { cxcywh, xyxy, score, phrase } = box;
      let corners: readonly [number, number, number, number];
      if (four(xyxy)) corners = xyxy;
      else if (four(cxcywh)) {
        const [x, y, w, h] = cxcywh;
        corners = [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
      } else return refuse(file, `${where}: "xyxy" or "cxcywh" with four numbers`, box);
      if (!Number.isFinite(score)) return refuse(file, `${where}.score: a number`, score);
      if (phrase !== undefined && typeof phrase !== 'string')
        return refuse(file, `${where}.phrase: a text`, phrase);
      const [x1, y1, x2, y2] = corners;
      const scaled: Corners = [x1 * scale[0], y1 * scale[1], x2 * scale[0], y2 * scale[1]];
      return checked({ corners: scaled, score: score as number, phrase }, file, where);
    });
    found.set(slashes(entry.image), boxes);
  }
  return found;
}

function fromCoco({ images, annotations, categories }: Json, file: string): Map<string, Box[]> {
  if (!Array.isArray(annotations)) return refuse(file, "COCO's annotations: a list", annotations);
  const names = new Map<unknown, string>();
  for (const category of Array.isArray(categories) ? (categories as unknown[]) : [])
    if (isRecord(category) && typeof category.name === 'string') names.set(category.id, category.name);
  const found = new Map<string, Box[]>();
  const byId = new Map<unknown, { boxes: Box[]; width: number; height: number }>();
  for (const [i, image] of (images as unknown[]).entries()) {
    const { id, file_name, width, height } = isRecord(image) ? image : ({} as Json);
    if (
      typeof file_name !== 'string' ||
      !((width as number) > 0) ||
      !((height as number) > 0) ||
      byId.has(id)
    )
      return refuse(file, `images[${i}]: an id of its own, file_name, width and height`, image);
    const boxes: Box[] = [];
    found.set(slashes(file_name), boxes);
    byId.set(id, { boxes, width: width as number, height: height as number });
  }
  for (const [i, annotation] of (annotations as unknown[]).entries()) {
    const where = `annotations[${i}]`;
    const { image_id, bbox, score = 1, category_id } = isRecord(annotation) ? annotation : ({} as Json);
    const image = byId.get(image_id);
    if (!image || !four(bbox) || !Number.isFinite(score))
      return refuse(
        file,
        `${where}: image_id of an image, bbox [x, y, width, height], a number as score`,
        annotation,
      );
    const [x, y, w, h] = bbox;
    const { width, height } = image;
    const corners: Corners = [x / width, y / height, (x + w) / width, (y + h) / height];
    image.boxes.push(
      checked({ corners, score: score as number, phrase: names.get(category_id) }, file, where),
    );
  }
  return found;
}

/** Corners a little outside are the detector's rounding; those far outside are another unit. */
function checked(box: Box, file: string, where: string): Box {
  const [x1, y1, x2, y2] = box.corners;
  if (box.corners.some((n) => n < -0.5 || n > 1.5) || x2 < x1 || y2 < y1)
    return refuse(
      file,
      `${where}: a box inside of its image, as shares of it ("pixels": true for pixels)`,
      box.corners,
    );
  return box;
}

/** Boxes of an image by its path: the name in the file is the path's end. undefined: the file does not have it. */
export function boxesOf({ boxes }: BoxFile, image: string): readonly Box[] | undefined {
  let rest = slashes(image);
  while (rest !== '') {
    const found = boxes.get(rest);
    if (found) return found;
    const slash = rest.indexOf('/');
    if (slash < 0) return undefined;
    rest = rest.slice(slash + 1);
  }
  return undefined;
}

/** Regions of the published code, in pixels of 518, both ends included: thirds. */
const thirds = [
  [0, 172],
  [173, 344],
  [345, 517],
] as const;

export interface UsedBoxes {
  /** Corners in whole pixels of a square image. */
  readonly pixels: readonly Corners[];
  /** Row-major number of the region with the best box's centre; undefined: it lies on a line between regions. */
  readonly position?: number | undefined;
}

/** Smallest score of a box that counts, and its largest area. */
const [leastScore, largestArea] = [0.25, 0.7];

/**
 * The published test's rules: boxes above the score and below the area, else the one with the best score; of these those
 * whose phrase has one of the words in it; the best of them says the region, without one the middle of the image does.
 * @param words lower case or not; boxes without a phrase count
 */
export function useBoxes(boxes: readonly Box[], words: readonly string[], size: number): UsedBoxes {
  const area = ({ corners: [x1, y1, x2, y2] }: Box) => (x2 - x1) * (y2 - y1);
  const good = boxes.filter((box) => box.score > leastScore && area(box) < largestArea);
  const best = boxes.reduce<Box[]>((top, box) => (box.score > (top[0]?.score ?? -1) ? [box] : top), []);
  const lower = words.map((word) => word.toLowerCase());
  const named = (good.length > 0 ? good : best).filter(
    ({ phrase }) => phrase === undefined || lower.some((word) => phrase.toLowerCase().includes(word)),
  );
  const pixels = named.map(({ corners }) => corners.map((n) => Math.trunc(n * size)) as unknown as Corners);
  // The published code compares scores as printed, in four characters; of equals the later one counts.
  const printed = named.map(({ score }) => Number(String(score).slice(0, 4)));
  const chosen = printed.reduce((top, score, i) => (score >= (printed[top] ?? -1) ? i : top), 0);
  const [x1, y1, x2, y2] = pixels[chosen] ?? [0, 0, size, size];
  const third = (at: number) => {
    const i = thirds.findIndex(([low, high]) => at >= low && at <= high);
    return i < 0 ? undefined : i;
  };
  const column = third((((x1 + x2) / 2) * 518) / size);
  const row = third((((y1 + y2) / 2) * 518) / size);
  return { pixels, position: row === undefined || column === undefined ? undefined : 3 * row + column };
}

/** Factor of map values outside of boxes. */
const outside = 0.7;

/** 1 inside of boxes, 0.7 elsewhere: [S * S]. @param boxes corners in pixels, cut to whole ones */
export function insideBoxes(boxes: readonly Corners[], size: number): Float32Array {
  const factors = new Float32Array(size * size).fill(outside);
  for (const corners of boxes) {
    const [x1, y1, x2, y2] = corners.map((n) =>
      Math.min(Math.max(Math.trunc(n), 0), size),
    ) as unknown as Corners;
    for (let y = y1; y < y2; y++) factors.fill(1, y * size + x1, y * size + Math.max(x1, x2));
  }
  return factors;
}
