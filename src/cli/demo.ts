// The whole way on generated images: draw, train, evaluate on classes that were not trained on, show.

import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { checkOutputFolder, writeFileAtomic } from '../base/files.node.ts';
import { packageFile } from '../base/package.node.ts';
import { openDataset } from '../data/dataset.node.ts';
import type { Sample } from '../data/dataset.ts';
import { mapRange, overlay, type Range } from '../data/heatmap.ts';
import { readImage } from '../data/image.node.ts';
import type { RgbImage } from '../data/image.ts';
import type { FamilyName } from '../data/synth/families/index.ts';
import { generate } from '../data/synth/generate.node.ts';
import { defectsOf, familiesOf } from '../data/synth/roles.ts';
import type { EvalSample } from '../eval/index.ts';
import { evaluateScorers, evaluationTable } from '../jobs/evaluate.ts';
import { ExitError, formatTime, type Io, UsageError } from '../jobs/io.ts';
import { writeContactSheet } from '../jobs/pictures.node.ts';
import { promptsScorers } from '../jobs/scorers.ts';
import { loadPrompts, openFeatures, promptsSettings, withClip } from '../jobs/session.ts';
import { trainToFolder } from '../jobs/training-folder.ts';
import { namedMethods } from '../model/methods/named.ts';
import { photoClip, type ShippedClip, smallClip } from '../model/shipped.ts';
import { integer } from './arguments.ts';
import { lookAtPhotos } from './demo-photos.ts';
import { describeReport } from './train.ts';

const trained = familiesOf('prompt');
/** Two of the families that neither the prompts nor the CLIP were trained on, with defects that they do not know. */
const heldOut = familiesOf('heldout').slice(0, 2);
const defectsFor = (families: readonly FamilyName[]) => [...new Set(families.flatMap(defectsOf))];
/** One and a half times the size that the CLIP was trained on, as in the paper. */
const imageSize = 96;
const marker = 'demo.json';

export const demoCommand = (io: Io): Command =>
  new Command('demo')
    .description(
      'draw images, train prompts on some surfaces, find defects on others: needs nothing but this package',
    )
    .option('--out <dir>', 'folder for everything', 'demo-out')
    .option('--seed <n>', 'of images and training', integer(0), 0)
    .option('--epochs <n>', 'passes over the images', integer(1), 5)
    .action((given: { out: string; seed: number; epochs: number }) => demo(io, given));

async function demo(
  io: Io,
  { out, seed, epochs }: { out: string; seed: number; epochs: number },
): Promise<void> {
  const began = performance.now();
  const at = (...parts: string[]) => path.join(out, ...parts);
  await checkOutputFolder(out, '--out');
  await clear(out);
  await writeFileAtomic(at(marker), `${JSON.stringify({ seed, epochs })}\n`);

  io.out(`1. Drawing images: ${trained.join(', ')} to train on; ${heldOut.join(', ')} to find defects on`);
  await generate(at('train'), {
    ...{ seed, classes: trained, defects: defectsFor(trained), imageSize },
    ...{ good: 16, defective: 16 },
  });
  await generate(at('test'), {
    ...{ seed, classes: heldOut, defects: defectsFor(heldOut), imageSize },
    ...{ good: 12, defective: 12 },
  });
  const drawn = performance.now();

  const { rows, problems, times } = await withClip(io, fileOf(smallClip), async (session) => {
    const opened = performance.now();
    io.out(`2. Training for ${epochs} epochs on ${session.gpu.description}`);
    const cache = { cache: at('cache'), cachePrecision: 'f32' } as const;
    const method = namedMethods.get('faprompt')!;
    const job = {
      ...cache,
      imageSize,
      method,
      out: at('run'),
      epochs,
      batch: 8,
      seed,
      learningRate: 1e-3,
      resume: false,
      saveEvery: 50,
    };
    const report = await trainToFolder(io, session, await openDataset(at('train')), job);
    io.out(indent(describeReport(report, job.out)));
    if (!report.finished) throw new ExitError(130);
    const trainedAt = performance.now();

    io.out('3. Finding defects on surfaces that were not trained on');
    const prompts = await loadPrompts(session, report.prompts!);
    const features = openFeatures(io, session, promptsSettings(session, prompts), cache);
    const scorers = promptsScorers(io, session, prompts);
    const found: Shown[] = [];
    const problems: string[] = [];
    const evaluation = await evaluateScorers(
      { gpu: session.gpu, features, size: imageSize, scorers },
      await openDataset(at('test')),
      {
        problem: ({ problem }) => problems.push(problem.message),
        sample: (sample, result) => found.push({ sample, result }),
      },
    ).finally(() => {
      scorers.dispose();
      features.dispose();
    });
    io.out(indent(evaluationTable(evaluation)));
    await writeFileAtomic(at('metrics.json'), `${JSON.stringify(evaluation, null, 2)}\n`);
    const times =
      `opening the device and CLIP ${formatTime(opened - drawn)}, training ${formatTime(trainedAt - opened)}, ` +
      `evaluation ${formatTime(performance.now() - trainedAt)}`;
    return { rows: await contactSheet(found), problems, times };
  });

  io.out('4. Two photographs with painted defects, and the CLIP that has seen photographs');
  const shownAt = performance.now();
  const photographs = await lookAtPhotos(io, fileOf(photoClip), {
    cache: at('cache'),
    cachePrecision: 'f32',
  });
  for (const { name, score } of photographs) io.out(indent(`${name}: score ${score.toFixed(2)}`));
  await writeContactSheet(at('contact-sheet.png'), [...rows, photographs.flatMap(({ tiles }) => tiles)], 192);
  const done = performance.now();

  io.out(
    `5. Look at ${at('contact-sheet.png')}: image | ground truth | heat map, one colour scale for all that is drawn; photographs below`,
  );
  io.out(
    `Times: images ${formatTime(drawn - began)}, ${times}, photographs ${formatTime(done - shownAt)}, all ${formatTime(done - began)}`,
  );
  io.out('Note: both CLIPs are small; weights/README.md says what they know, and what they miss.');
  if (problems.length > 0) {
    for (const problem of problems) io.note(problem);
    throw new ExitError(1);
  }
}

/** Removes what an earlier demo left; leaves other folders alone. */
async function clear(out: string): Promise<void> {
  const entries = await readdir(out).catch((): string[] => []);
  if (entries.length > 0 && !entries.includes(marker))
    throw new UsageError(
      `--out: expected an empty folder, or that of an earlier demo, found ${out} with ${entries.length} other files`,
    );
  for (const name of ['train', 'test', 'run', 'cache'])
    await rm(path.join(out, name), { recursive: true, force: true });
}

const fileOf = ({ clip }: ShippedClip): string => path.relative('', packageFile(clip));

interface Shown {
  readonly sample: Sample;
  readonly result: EvalSample;
}

/** One class beside the other: three images with different defects and one without; one colour scale for all. */
async function contactSheet(found: readonly Shown[]): Promise<RgbImage[][]> {
  const columns = heldOut.map((name) => {
    const ofClass = found.filter(({ sample }) => sample.className === name);
    const byDefect = new Map(
      ofClass.filter(({ sample }) => sample.anomaly).map((shown) => [shown.sample.defect, shown]),
    );
    return [
      ...[...byDefect.values()].slice(0, 3),
      ...ofClass.filter(({ sample }) => !sample.anomaly).slice(0, 1),
    ];
  });
  const ranges = columns.flat().map(({ result }) => mapRange(heatOf(result)));
  const range = [
    Math.min(...ranges.map(([low]) => low)),
    Math.max(...ranges.map(([, high]) => high)),
  ] as const;
  const rows = Math.max(...columns.map((column) => column.length));
  return Promise.all(
    Array.from({ length: rows }, async (_, i) => {
      const row = columns.flatMap((column) => column.slice(i, i + 1));
      return (await Promise.all(row.map((shown) => contactTiles(shown, range)))).flat();
    }),
  );
}

const heatOf = ({ width, height, map }: EvalSample) => ({ width, height, values: map! });

/** image | ground truth | heat map */
async function contactTiles({ sample, result }: Shown, range: Range): Promise<RgbImage[]> {
  const { width, height, mask } = result;
  const image = await readImage(sample.image);
  const data = new Uint8Array(3 * width * height);
  mask?.forEach((value, i) => {
    data.fill(value ? 255 : 0, 3 * i, 3 * i + 3);
  });
  return [image, { width, height, data }, overlay(image, heatOf(result), range)];
}

const indent = (text: string): string => text.replace(/^/gm, '   ');
