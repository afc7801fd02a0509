// What `eval --report` gathers while it evaluates, and the file that it makes of it.
import path from 'node:path';
import { writeFileAtomic } from '../base/files.node.ts';
import type { Dataset, Sample } from '../data/dataset.ts';
import { overlay, type Range, turbo } from '../data/heatmap.ts';
import { readImage } from '../data/image.node.ts';
import type { RgbImage } from '../data/image.ts';
import { loadSharp } from '../data/sharp.node.ts';
import type { EvalSample, Evaluation } from '../eval/index.ts';
import { createExamples, type Example } from '../report/examples.ts';
import { type Picture, type PictureGroup, type Report, reportPage } from '../report/page.ts';
import { programVersion } from './version.ts';

/** Images of each kind that a report shows. */
const shown = 6;
/** Side of the pictures in pixels. */
const side = 200;

/** A heading, and names with their values. */
export type ReportSection = Report['configuration'][number];

export interface ReportContext {
  readonly dataset: Dataset;
  readonly problems: readonly string[];
  readonly confidence: number | undefined;
  /** Of the detector. */
  readonly configuration: readonly ReportSection[];
  readonly adapter: string;
}

/** Gathers scores and images; `write` makes DIR/report.html. */
export function createReport() {
  const examples = createExamples(shown);
  const scores = new Map<string, { score: number; anomalous: boolean }[]>();
  return {
    sample({ image, className }: Sample, sample: EvalSample): void {
      examples.add(image, className, sample);
      const own = scores.get(className) ?? [];
      own.push({ score: sample.score, anomalous: sample.anomalous });
      scores.set(className, own);
    },
    /** @returns the file */
    async write(dir: string, evaluation: Evaluation, context: ReportContext): Promise<string> {
      const { dataset, problems, confidence } = context;
      const chosen = examples.result();
      const masks = chosen.worst.length > 0;
      const group = async (title: string, text: string, of: readonly Example[]): Promise<PictureGroup> => ({
        title,
        text,
        pictures: await Promise.all(of.map((example) => picture(example, dataset.root, chosen.range))),
      });
      const groups = [
        await group('Most wrong: false alarms', 'Normal images with the highest scores.', chosen.falseAlarms),
        await group('Most wrong: misses', 'Anomalous images with the lowest scores.', chosen.misses),
        await group(
          'Best',
          masks
            ? "Anomalous images whose maps fit the masks best, by the average precision of the image's pixels."
            : 'Anomalous images with the highest scores.',
          chosen.best,
        ),
        await group('Worst', 'Anomalous images whose maps fit the masks worst.', chosen.worst),
      ];
      const file = path.join(dir, 'report.html');
      const page = await reportPage({
        title: `FAPrompt on ${dataset.name}`,
        evaluation,
        scores,
        groups,
        legend: { picture: await address(colourBar()), range: chosen.range },
        problems,
        configuration: sections(context),
        confidence,
      });
      await writeFileAtomic(file, page);
      return file;
    },
  };
}

const sections = ({ dataset, configuration, adapter }: ReportContext): ReportSection[] => [
  ['Data', { folder: dataset.root, 'read as': dataset.layout, split: dataset.split }],
  ...configuration,
  [
    'Versions',
    { faprompt: programVersion(), node: process.version, adapter, made: new Date().toISOString() },
  ],
];

async function picture(
  { file, className, sample, pixelAp }: Example,
  root: string,
  range: Range,
): Promise<Picture> {
  const { width, height, map, mask, anomalous, defect = '', score } = sample;
  const image = await square(await readImage(file));
  const shownMap = { width, height, values: map ?? new Float32Array(width * height) };
  const known = mask ?? (anomalous ? undefined : new Uint8Array(width * height));
  return {
    file: path.relative(root, file).split(path.sep).join('/'),
    className,
    defect,
    anomalous,
    score,
    pixelAp,
    image: await address(image),
    heatmap: await address(overlay(image, shownMap, range)),
    truth: known && (await address(await square(maskImage(known, width, height)))),
  };
}

const maskImage = (mask: Uint8Array, width: number, height: number): RgbImage => ({
  width,
  height,
  data: Uint8Array.from({ length: 3 * mask.length }, (_, i) => (mask[Math.floor(i / 3)] ? 255 : 0)),
});

function colourBar(): RgbImage {
  const width = 128;
  const colours = Array.from({ length: width }, (_, x) => turbo(x / (width - 1)));
  return { width, height: 1, data: Uint8Array.from(colours.flat()) };
}

/** Squashed, as the CLIP sees it. */
async function square({ width, height, data }: RgbImage): Promise<RgbImage> {
  const sharp = await loadSharp();
  const raw = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(side, side, { fit: 'fill' })
    .raw()
    .toBuffer();
  return { width: side, height: side, data: new Uint8Array(raw) };
}

/** The picture as a data: address. */
async function address({ width, height, data }: RgbImage): Promise<string> {
  const sharp = await loadSharp();
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .webp({ quality: 82 })
    .toBuffer();
  return `data:image/webp;base64,${bytes.toString('base64')}`;
}
