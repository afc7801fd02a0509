import type { Command } from 'commander';
import { roles } from '../data/synth/roles.ts';
import { type ClipQuality, clipQuality } from '../jobs/clip-quality/quality.ts';
import { formatRows, type Io, UsageError } from '../jobs/io.ts';
import { createProgress } from '../jobs/progress.ts';
import { withClip } from '../jobs/session.ts';
import { integer } from './arguments.ts';

interface Given {
  readonly samples: number;
  readonly seed: number;
  readonly imageSize?: number;
  readonly json?: boolean;
}

/** Another seed than any pretraining's by default: the images are fresh. */
const freshSeed = 1_000_003;

export function addQualityCommand(command: Command, io: Io): void {
  command
    .command('quality')
    .description("what a CLIP knows of the generator's images: captions, families, states, defects")
    .argument('<file>', 'weights file, a folder, or a known name')
    .option('--samples <n>', 'images of each role', integer(2), 256)
    .option(
      '--seed <n>',
      "seed of the images; pretraining's own would give images that it has seen",
      integer(0),
      freshSeed,
    )
    .option('--image-size <pixels>', "side of the images; default: the CLIP's own", integer(8))
    .option('--json', 'print as JSON')
    .action((file: string, given: Given) =>
      withClip(io, file, async ({ gpu, clip }) => {
        const size = given.imageSize ?? clip.config.imageResolution;
        const { patch } = clip.config;
        if (size % patch !== 0)
          throw new UsageError(`--image-size: expected a multiple of the patch size ${patch}, found ${size}`);
        const found: ClipQuality[] = [];
        const { samples, seed } = given;
        const bar = createProgress(io, 'encoding images', roles.length * samples, { unit: 'image' });
        try {
          for (const [i, role] of roles.entries()) {
            const onProgress = (done: number) => bar.update(i * samples + done, role);
            found.push(await clipQuality(gpu, clip, { role, samples, seed, size, onProgress }));
          }
        } finally {
          bar.stop();
        }
        io.out(given.json ? JSON.stringify(found) : table(found));
      }),
    );
}

function table(found: readonly ClipQuality[]): string {
  const percent = (value: number | null) => (value === null ? '-' : (100 * value).toFixed(1));
  const row = (name: string, of: (quality: ClipQuality) => number | null) => [
    name,
    ...found.map((quality) => percent(of(quality))),
  ];
  return formatRows([
    ['%', ...found.map(({ role }) => role)],
    row('caption of image @1', (q) => q.captionAt1),
    row('caption of image @5', (q) => q.captionAt5),
    row('image of caption @1', (q) => q.imageAt1),
    row('image of caption @5', (q) => q.imageAt5),
    row('family', (q) => q.family),
    row('caption against counterpart', (q) => q.counterpart),
    ...(['named', 'generic'] as const).flatMap((kind) => [
      row(`${kind}: image AUROC`, (q) => q[kind].image),
      row(`${kind}: image AUROC, without ln_post`, (q) => q[kind].imageFaprompt),
      row(`${kind}: image AUROC, largest patch`, (q) => q[kind].imageByPatch),
      row(`${kind}: patch AUROC`, (q) => q[kind].patch),
    ]),
  ]);
}
