// Opening a CLIP, or any file of tensors, whatever its format.

import { WeightsError } from '../../formats/errors.ts';
import { readSafetensors } from '../../formats/safetensors.ts';
import { type ByteSource, readExactly } from '../../formats/source.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { readTorch } from '../../formats/torch/torch.ts';
import { blipTensors, isBlipNaming } from './blip-names.ts';
import { configMetadata, preprocessorMetadata } from './config-json.ts';
import { preprocessorConfig } from './model-files.ts';
import { type ClipTensors, clipTensors } from './names.ts';
import { readShards } from './shards.ts';

/** A file of the same folder by its name; undefined: there is none. */
export type Beside = (name: string) => Promise<ByteSource | undefined>;

const nothing: Beside = async () => undefined;

/** Configurations and indices are a few kB; an index of a large model some 100. */
const maxJson = 16 * 2 ** 20;

/**
 * Reads the directory of tensors of a safetensors file, a PyTorch archive, or an index of shards, told apart by their
 * first bytes.
 * @throws WeightsError for damaged files and other formats
 */
export async function readTensors(source: ByteSource, beside: Beside = nothing): Promise<TensorFile> {
  const start = await readExactly(source, 0, Math.min(16, source.size));
  const starts = (...bytes: number[]) => bytes.every((byte, i) => start[i] === byte);
  // A header's length, of which the upper half is 0, and JSON. First: its lower bytes may be anything, 0x80 too.
  if (start[8] === 0x7b && start.slice(4, 8).every((byte) => byte === 0)) return readSafetensors(source);
  if (starts(0x50, 0x4b, 3, 4)) return readTorch(source);
  if (starts(0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19))
    return refuse(source, 'the format before PyTorch 1.6: load it in PyTorch and torch.save it again');
  if (starts(0x80)) return refuse(source, 'a bare pickle');
  if (await isTar(source)) return refuse(source, 'a tar archive, the format before PyTorch 0.1.10');
  // An index is JSON from its first byte; a safetensors file begins with its header's length, in 8 bytes.
  if (starts(0x7b) && source.size < maxJson && start[7] !== 0)
    return readShards({ name: source.name, text: await readText(source) }, beside, (shard) =>
      readTensors(shard),
    );
  return readSafetensors(source);
}

/**
 * Opens a CLIP: its tensors under OpenAI's names (a BLIP's under its authors'), and with what the configuration beside the file says as metadata.
 * @throws WeightsError for what is no CLIP with a ViT, or does not say its activation
 */
export async function readClip(source: ByteSource, beside: Beside = nothing): Promise<ClipTensors> {
  const tensors = await readTensors(source, beside);
  const clip = isBlipNaming(tensors.tensors.keys()) ? blipTensors(tensors) : clipTensors(tensors);
  const metadata = new Map([...(await readConfig(clip, beside)), ...clip.file.metadata]);
  const base = source.name.slice(source.name.lastIndexOf('/') + 1);
  // The same names and shapes with either activation: never guess where it is known to vary.
  if (/^open_clip_/.test(base) && !metadata.has('activation'))
    throw new WeightsError({
      file: source.name,
      expected: 'open_clip_config.json beside it, which names the activation',
      found: 'none',
    });
  return { ...clip, file: { ...clip.file, metadata } };
}

async function readConfig({ scheme }: ClipTensors, beside: Beside): Promise<Map<string, string>> {
  if (scheme === 'blip') return new Map();
  const names = ['open_clip_config.json', 'config.json'];
  if (scheme === 'huggingface') names.reverse();
  for (const name of names) {
    const source = await beside(name);
    if (!source) continue;
    const found = configMetadata(await readText(source), source.name);
    // Hugging Face keeps how pixels are scaled in a file of its own.
    const pixels = name === 'config.json' ? await beside(preprocessorConfig) : undefined;
    return new Map(
      Object.entries({
        ...found,
        ...(pixels ? preprocessorMetadata(await readText(pixels), pixels.name) : {}),
      }),
    );
  }
  return new Map();
}

async function readText(source: ByteSource): Promise<string> {
  if (source.size > maxJson)
    throw new WeightsError({
      file: source.name,
      expected: `at most ${maxJson} bytes`,
      found: `${source.size}`,
    });
  return new TextDecoder().decode(await readExactly(source, 0, source.size));
}

async function isTar(source: ByteSource): Promise<boolean> {
  if (source.size < 512) return false;
  return new TextDecoder().decode(await readExactly(source, 257, 5)) === 'ustar';
}

function refuse({ name }: ByteSource, found: string): never {
  throw new WeightsError({
    file: name,
    expected: 'a safetensors file or a PyTorch archive (1.6 or later)',
    found,
  });
}
