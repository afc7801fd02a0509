// `faprompt detect`: images in, heat maps, scores and verdicts out.
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { writeFileAtomic } from '../base/files.node.ts';
import { mapRange, overlay, type Range, resizeMap } from '../data/heatmap.ts';
import { readImage } from '../data/image.node.ts';
import { isAnomalous, isThreshold } from '../model/faprompt/verdict.ts';
import { integer } from './arguments.ts';
import { createDetector, type Found } from './detection.ts';
import { listImages, type Target, watchImages } from './inputs.node.ts';
import { ExitError, formatRows, type Io, UsageError } from './io.ts';
import { writeImage, writeMap } from './pictures.node.ts';
import { createProgress } from './progress.ts';
import { addCacheOptions, type CacheOptions, loadPrompts, openFeatures, withClip } from './session.ts';

interface Given extends CacheOptions {
  readonly clip: string;
  readonly prompts: string;
  readonly out?: string;
  readonly range: Range | 'image';
  /** false: --no-threshold. */
  readonly threshold?: number | false;
  readonly watch?: string;
  readonly interval: number;
  readonly allowOtherClip?: boolean;
  readonly json?: boolean;
  readonly jsonLines?: boolean;
}

/** Exit code when every image was read and at least one is anomalous; 1 is for errors. */
export const anomalousExit = 2;

export const detectCommand = (io: Io): Command => {
  const command = new Command('detect')
    .description('find defects in images: heat maps, raw maps, scores, pass or fail')
    .argument('[images...]', 'image files, or folders of them')
    .requiredOption('--clip <file>', 'CLIP weights')
    .requiredOption('--prompts <file>', 'prompts.safetensors of a training run')
    .option(
      '--out <dir>',
      'folder for <image>.heatmap.png, <image>.map.png and scores.json; may be left out with --json-lines',
    )
    .option(
      '--range <a,b>',
      "map values shown as blue and as red; 'image': each image's own smallest and largest",
      range,
      [0, 1] as const,
    )
    .option(
      '--threshold <score>',
      'images with this score or above fail; default: the one that calibrate stored',
      score,
    )
    .option('--no-threshold', 'scores only, no pass or fail')
    .option('--watch <dir>', 'go on with every image that arrives in this folder, until interrupted')
    .option('--interval <ms>', 'time between two looks at the watched folder', integer(10), 500)
    .option('--allow-other-clip', 'use prompts that were trained on another weights file of the same sizes')
    .option('--json', 'print scores.json instead of a table')
    .option('--json-lines', 'print one line of JSON for each image as soon as it is done');
  addCacheOptions(command);
  return command
    .addHelpText(
      'after',
      `
map.png: anomaly map at the size of its image, 16-bit grey, 65535 = 1. Scores and maps are in [0, 1].
Exit code with a threshold: 0 if all images pass, ${anomalousExit} if one fails, 1 if one could not be read. With --watch, 0
after an interrupt unless an image could not be read.`,
    )
    .action((images: string[], given: Given) => detect(io, images, given));
};

function range(text: string): Range | 'image' {
  if (text === 'image') return text;
  const [low, high, ...rest] = text.split(',').map(Number);
  if (rest.length > 0 || !(low! < high! && Number.isFinite(high! - low!)))
    throw new InvalidArgumentError("Expected 'image' or two numbers A,B with A < B.");
  return [low!, high!];
}

function score(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!isThreshold(value)) throw new InvalidArgumentError('Expected a number in [0, 1], as scores are.');
  return value;
}

/** What scores.json, and a line of --json-lines, says of an image. */
interface Row {
  readonly image: string;
  readonly score: number;
  /** Only with a threshold. */
  readonly anomalous?: boolean;
  readonly mapMin: number;
  readonly mapMax: number;
  /** Only with --out. */
  readonly heatmap?: string;
  readonly map?: string;
}

interface Problem {
  readonly image: string;
  readonly problem: string;
}

function checkOptions(images: readonly string[], { out, json, jsonLines, watch }: Given): void {
  if (images.length === 0 && watch === undefined) throw new UsageError('expected images, or --watch DIR');
  if (json && jsonLines) throw new UsageError('--json and --json-lines: expected one of them');
  if (json && watch !== undefined) throw new UsageError('--json cannot end with --watch: use --json-lines');
  if (out === undefined && !jsonLines)
    throw new UsageError("required option '--out <dir>' not specified (may be left out with --json-lines)");
}

async function detect(io: Io, inputs: readonly string[], given: Given): Promise<void> {
  checkOptions(inputs, given);
  const targets = await listImages(inputs);
  const problems: Problem[] = [];
  const rows: Row[] = [];
  let fails = 0;
  let threshold: number | undefined;
  await withClip(io, given.clip, async (session) => {
    const prompts = await loadPrompts(session, given.prompts, given.allowOtherClip);
    if (given.threshold !== false) threshold = given.threshold ?? prompts.threshold?.threshold;
    const features = openFeatures(io, session, prompts, given);
    const detector = await createDetector(session, prompts, features);
    const each = async (batch: readonly Target[], watching: boolean): Promise<void> => {
      const bar = watching ? undefined : createProgress(io, 'detecting', batch.length, { unit: 'image' });
      let done = 0;
      try {
        for await (const found of detector.detect(batch, ({ file }) => file)) {
          const image = found.item.file;
          if ('problem' in found) {
            const problem = { image, problem: found.problem.message };
            problems.push(problem);
            if (given.jsonLines) io.out(JSON.stringify(problem));
            (bar ?? io).note(`skipped: ${problem.problem}`);
          } else {
            const row = await describe(found, prompts.imageSize, threshold, given);
            if (row.anomalous) fails++;
            // A watch may go on for months.
            if (!watching) rows.push(row);
            if (given.jsonLines) io.out(JSON.stringify(row));
            else if (watching) io.out(formatRow(row).join('  '));
          }
          bar?.update(++done);
        }
      } finally {
        bar?.stop();
      }
    };
    try {
      await each(targets, false);
      if (given.watch !== undefined)
        await watch(io, given.watch, given.interval, (batch) => each(batch, true));
    } finally {
      detector.dispose();
      features.dispose();
    }
  });
  const verdict = threshold === undefined ? {} : { threshold, fails };
  const { clip, prompts, out } = given;
  const result = `${JSON.stringify({ clip, prompts, ...verdict, images: rows, problems }, null, 2)}\n`;
  if (out !== undefined && inputs.length > 0) await writeFileAtomic(path.join(out, 'scores.json'), result);
  if (given.json) io.out(result.trimEnd());
  else if (!given.jsonLines && inputs.length > 0) {
    const verdictColumn = threshold === undefined ? [] : [`score >= ${threshold.toFixed(4)}`];
    io.out(formatRows([['image', 'score', 'map min', 'map max', ...verdictColumn], ...rows.map(formatRow)]));
    io.out(`heat maps, maps and scores.json: ${out}`);
  }
  if (problems.length > 0) throw new ExitError(1);
  if (fails > 0 && given.watch === undefined) throw new ExitError(anomalousExit);
}

const formatRow = ({ image, score, mapMin, mapMax, anomalous }: Row): string[] => [
  image,
  ...[score, mapMin, mapMax].map((x) => x.toFixed(4)),
  ...(anomalous === undefined ? [] : [anomalous ? 'FAIL' : 'pass']),
];

/** The row of an image; writes its pictures if there is a folder for them. */
async function describe(
  { item: { file, name }, detection }: Found<Target>,
  size: number,
  threshold: number | undefined,
  { out, range: shownRange }: Given,
): Promise<Row> {
  const map = { width: size, height: size, values: detection.map };
  const [mapMin, mapMax] = mapRange(map);
  const row = {
    image: file,
    score: detection.score,
    ...(threshold === undefined ? {} : { anomalous: isAnomalous(detection.score, threshold) }),
    mapMin,
    mapMax,
  };
  if (out === undefined) return row;
  const pictures = { heatmap: `${name}.heatmap.png`, map: `${name}.map.png` };
  const image = await readImage(file);
  const shown = shownRange === 'image' ? ([mapMin, mapMax] as const) : shownRange;
  await writeImage(path.join(out, pictures.heatmap), overlay(image, map, shown));
  await writeMap(path.join(out, pictures.map), resizeMap(map, image.width, image.height));
  return { ...row, ...pictures };
}

async function watch(
  io: Io,
  dir: string,
  interval: number,
  each: (batch: readonly Target[]) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const forget = io.onInterrupt(() => stop.abort());
  try {
    const batches = await watchImages(dir, interval, stop.signal);
    io.note(`watching ${dir}; interrupt to end`);
    for await (const batch of batches) await each(batch);
  } finally {
    forget();
  }
}
