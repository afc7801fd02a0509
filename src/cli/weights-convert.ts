// weights convert: any CLIP, and the published prompt checkpoints, to safetensors.
import { type Command, Option } from 'commander';
import { checkOutputFile, realPlace, writeFileAtomic } from '../base/files.node.ts';
import { visible } from '../base/text.ts';
import { writeTensors } from '../formats/safetensors-write.node.ts';
import type { TensorFile } from '../formats/tensor-file.ts';
import { formatBytes } from '../gpu/errors.ts';
import { type Io, UsageError } from '../jobs/io.ts';
import { hashWeights, obtainWeights, resolveWeights } from '../jobs/models.ts';
import { createProgress } from '../jobs/progress.ts';
import { dequantized, quantized } from '../model/checkpoint/int8.ts';
import { openClip, openTensors } from '../model/checkpoint/open.node.ts';
import { filoTensors, publishedFilo } from '../model/checkpoint/published-filo.ts';
import {
  type PublishedPrompts,
  promptTensors,
  publishedPrompts,
} from '../model/checkpoint/published-prompts.ts';
import { clipConfigOf, clipMetadata } from '../model/clip/config.ts';
import { defaultImageSize } from '../model/clip/image-graph.ts';
import { checkLearnables } from '../model/faprompt/learnables.ts';
import { writePrompts } from '../model/methods/prompts-file.ts';
import { integer } from './arguments.ts';

interface ConvertOptions {
  readonly dtype?: 'f16' | 'f32' | 'int8';
  readonly clip?: string;
  readonly detectSize?: number;
}

export function addConvertCommand(command: Command, io: Io): void {
  command
    .command('convert')
    .description("write a CLIP, or what FAPrompt's or FiLo's published code learned (.pth), as safetensors")
    .argument('<in>', 'safetensors, .pt, .pth, .bin, an index of shards, a folder, or a known name')
    .argument('<out>', 'safetensors file to write')
    .addOption(
      new Option(
        '--dtype <type>',
        'storage of a CLIP; default: as it is; int8: the matrices, with a scale per row, and tables in f16',
      ).choices(['f16', 'f32', 'int8']),
    )
    .option(
      '--detect-size <pixels>',
      'a CLIP only: store the side to which train, detect and eval bring images by default',
      integer(1),
    )
    .option('--clip <file>', 'prompts only: the CLIP that they were trained on')
    .action(async (input: string, out: string, options: ConvertOptions) => {
      await checkOutputFile(out, '<out>');
      const file = await obtainWeights(io, input);
      if ((await realPlace(out)) === (await realPlace(file)))
        throw new UsageError(`<out>: expected another file than <in>, found ${out}`);
      const opened = await openTensors(file);
      try {
        const prompts = promptTensors(opened.file);
        const filo = filoTensors(opened.file);
        if (options.detectSize !== undefined && (filo || prompts))
          throw new UsageError('--detect-size: only for a CLIP, found prompts');
        if (filo) await convertFilo(io, filo, out, options);
        else if (prompts) await convertPrompts(io, prompts, out, options);
        else await convertClip(io, file, out, options);
      } finally {
        await opened.close();
      }
    });
}

async function convertClip(io: Io, input: string, out: string, { dtype, clip, detectSize }: ConvertOptions) {
  if (clip !== undefined) throw new UsageError('--clip: only for prompts; this file has none');
  const { file, ignored, scheme, close } = await openClip(input);
  try {
    const read = clipConfigOf(file);
    if (detectSize !== undefined && detectSize % read.patch !== 0)
      throw new UsageError(
        `--detect-size: expected a multiple of the patch size ${read.patch}, found ${detectSize}`,
      );
    const config = detectSize === undefined ? read : { ...read, detectSize };
    if (ignored.length > 0) io.note(`ignored: ${listed(ignored)}`);
    // What a file says of itself goes along; its configuration is written anew.
    const own = Object.fromEntries([...file.metadata].filter(([key]) => key !== 'format'));
    const metadata = { ...own, ...clipMetadata(config) };
    const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
    let progress: ReturnType<typeof createProgress> | undefined;
    let bytes = 0;
    const written = dtype === undefined ? file : dtype === 'int8' ? quantized(file) : dequantized(file);
    await writeTensors(out, written, {
      dtype: dtype === 'f16' ? 'F16' : dtype === 'f32' ? 'F32' : undefined,
      metadata,
      onProgress(done, total) {
        progress ??= createProgress(io, 'MiB', mebibytes(total));
        progress.update(mebibytes(done));
        bytes = total;
      },
    }).finally(() => progress?.stop());
    io.out(visible(`${out}: ${formatBytes(bytes)}, ${written.tensors.size} tensors (names were: ${scheme})`));
  } finally {
    await close();
  }
}

/** Names for people: a training checkpoint may have thousands beside the model. */
const listed = (names: readonly string[]): string =>
  names.length <= 12 ? names.join(', ') : `${names.length} tensors: ${names.slice(0, 8).join(', ')}, ...`;

async function convertPrompts(io: Io, file: TensorFile, out: string, { dtype, clip }: ConvertOptions) {
  if (dtype !== undefined) throw new UsageError('--dtype: only for a CLIP; prompts are kept in f32');
  const published = publishedPrompts(file);
  if (published.ignored.length > 0) io.note(`ignored (unused): ${published.ignored.join(', ')}`);
  const learnables = new Map<string, Float32Array>();
  for (const name of published.tensors) learnables.set(name, await file.readFloat32(name));
  await writeFileAtomic(out, await promptsBytes(file, published, learnables, clip));
  io.out(`${out}: prompts of ${published.method.title}, ${learnables.size} tensors`);
}

async function convertFilo(io: Io, file: TensorFile, out: string, { dtype, clip: clipName }: ConvertOptions) {
  if (dtype !== undefined) throw new UsageError('--dtype: only for a CLIP; what was learned is kept in f32');
  if (clipName === undefined)
    throw new UsageError('--clip: expected the CLIP that it was trained on (ViT-L/14@336px)');
  const clip = await openClip(await resolveWeights(clipName));
  try {
    const config = clipConfigOf(clip.file);
    const { method, tensors } = publishedFilo(file, config);
    const learnables = new Map<string, Float32Array>();
    for (const name of tensors) learnables.set(name, await file.readFloat32(name));
    const bytes = writePrompts(
      {
        learnables,
        method,
        clip: await hashWeights(clip.files),
        imageSize: defaultImageSize(config),
        dualLayers: method.needs(config).dualLayers,
        training: { converted: 'published FiLo checkpoint' },
      },
      config,
    );
    await writeFileAtomic(out, bytes);
    io.out(
      `${out}: what ${method.title} learned, ${tensors.length} tensors; others of the file (its CLIP) are left out`,
    );
  } finally {
    await clip.close();
  }
}

async function promptsBytes(
  file: TensorFile,
  { method, tensors }: PublishedPrompts,
  learnables: ReadonlyMap<string, Float32Array>,
  clipName: string | undefined,
): Promise<Uint8Array> {
  if (clipName === undefined)
    throw new UsageError('--clip: expected the CLIP that the prompts were trained on (ViT-L/14@336px)');
  const clip = await openClip(await resolveWeights(clipName));
  try {
    const config = clipConfigOf(clip.file);
    const found = new Map(tensors.map((name) => [name, file.tensors.get(name)!]));
    checkLearnables(found, method.learning!.shapes(config), file.source.name);
    return writePrompts(
      {
        learnables,
        method,
        clip: await hashWeights(clip.files),
        imageSize: defaultImageSize(config),
        dualLayers: method.needs(config).dualLayers,
        training: { converted: `published checkpoint of ${method.title}` },
      },
      config,
    );
  } finally {
    await clip.close();
  }
}
