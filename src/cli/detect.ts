import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { writeFileAtomic } from '../data/files.node.ts';
import { readImage } from '../data/image.node.ts';
import { imageExtensions } from '../data/image.ts';
import { createDetector } from './detection.ts';
import { mapRange, overlay, type Range, resizeMap } from './heatmap.ts';
import { ExitError, formatRows, type Io, UsageError } from './io.ts';
import { writeImage, writeMap } from './pictures.node.ts';
import { createProgress } from './progress.ts';
import { addCacheOptions, type CacheOptions, loadPrompts, openFeatures, withClip } from './session.ts';

interface Given extends CacheOptions {
  readonly clip: string;
  readonly prompts: string;
  readonly out: string;
  readonly range: Range | 'image';
  readonly allowOtherClip?: boolean;
  readonly json?: boolean;
}

export const detectCommand = (io: Io): Command => {
  const command = new Command('detect')
    .description('find defects in images: heat maps, raw maps, scores')
    .argument('<images...>', 'image files, or folders of them')
    .requiredOption('--clip <file>', 'CLIP weights')
    .requiredOption('--prompts <file>', 'prompts.safetensors of a training run')
    .requiredOption('--out <dir>', 'folder for <image>.heatmap.png, <image>.map.png and scores.json')
    .option(
      '--range <a,b>',
      "map values shown as blue and as red; 'image': each image's own smallest and largest",
      range,
      [0, 1] as const,
    )
    .option('--allow-other-clip', 'use prompts that were trained on another weights file of the same sizes')
    .option('--json', 'print scores.json instead of a table');
  addCacheOptions(command);
  return command
    .addHelpText(
      'after',
      '\nmap.png: anomaly map at the size of its image, 16-bit grey, 65535 = 1. Scores and maps are in [0, 1].',
    )
    .action((images: string[], given: Given) => detect(io, images, given));
};

function range(text: string): Range | 'image' {
  if (text === 'image') return text;
  const [low, high, ...rest] = text.split(',').map(Number);
  if (rest.length > 0 || !(low! < high!))
    throw new InvalidArgumentError("Expected 'image' or two numbers A,B with A < B.");
  return [low!, high!];
}

/** What scores.json says of an image. */
interface Row {
  readonly image: string;
  readonly score: number;
  readonly mapMin: number;
  readonly mapMax: number;
  readonly heatmap: string;
  readonly map: string;
}

async function detect(io: Io, inputs: readonly string[], given: Given): Promise<void> {
  const targets = await listImages(inputs);
  const problems: { image: string; problem: string }[] = [];
  const rows: Row[] = [];
  await withClip(io, given.clip, async (session) => {
    const prompts = await loadPrompts(session, given.prompts, given.allowOtherClip);
    const features = openFeatures(io, session, prompts, given);
    const detector = await createDetector(session, prompts, features);
    const bar = createProgress(io, 'detecting', targets.length);
    try {
      for await (const found of detector.detect(targets, ({ file }) => file)) {
        const { file, name } = found.item;
        if ('problem' in found) {
          problems.push({ image: file, problem: found.problem.message });
          bar.note(`skipped: ${found.problem.message}`);
          continue;
        }
        const size = prompts.imageSize;
        const map = { width: size, height: size, values: found.detection.map };
        const [mapMin, mapMax] = mapRange(map);
        const row = {
          image: file,
          score: found.detection.score,
          mapMin,
          mapMax,
          heatmap: `${name}.heatmap.png`,
          map: `${name}.map.png`,
        };
        const image = await readImage(file);
        const shown = given.range === 'image' ? ([mapMin, mapMax] as const) : given.range;
        await writeImage(path.join(given.out, row.heatmap), overlay(image, map, shown));
        await writeMap(path.join(given.out, row.map), resizeMap(map, image.width, image.height));
        rows.push(row);
        bar.update(rows.length + problems.length);
      }
    } finally {
      bar.stop();
      detector.dispose();
      features.dispose();
    }
  });
  const result = `${JSON.stringify({ clip: given.clip, prompts: given.prompts, images: rows, problems }, null, 2)}\n`;
  await writeFileAtomic(path.join(given.out, 'scores.json'), result);
  if (given.json) io.out(result.trimEnd());
  else {
    io.out(
      formatRows([
        ['image', 'score', 'map min', 'map max'],
        ...rows.map((row) => [row.image, ...[row.score, row.mapMin, row.mapMax].map((x) => x.toFixed(4))]),
      ]),
    );
    io.out(`heat maps, maps and scores.json: ${given.out}`);
  }
  if (problems.length > 0) throw new ExitError(1);
}

/** The files, and under which name (without ending) their results go: folders keep their inner structure. */
async function listImages(inputs: readonly string[]): Promise<{ file: string; name: string }[]> {
  const files: { file: string; name: string }[] = [];
  for (const input of inputs) {
    if (
      !(await stat(input).then(
        (found) => found.isDirectory(),
        () => false,
      ))
    ) {
      files.push({ file: input, name: path.parse(input).name });
      continue;
    }
    const entries = (await readdir(input, { recursive: true })).sort();
    const images = entries.filter((entry) => imageExtensions.includes(path.extname(entry).toLowerCase()));
    if (images.length === 0)
      throw new UsageError(`${input}: expected images (${imageExtensions.join(' ')}), found none`);
    for (const entry of images)
      files.push({
        file: path.join(input, entry),
        name: path.join(path.dirname(entry), path.parse(entry).name),
      });
  }
  const used = new Set<string>();
  return files.map(({ file, name }) => {
    let unique = name;
    for (let i = 2; used.has(unique); i += 1) unique = `${name}-${i}`;
    used.add(unique);
    return { file, name: unique };
  });
}
