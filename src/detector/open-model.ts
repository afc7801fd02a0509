// From addresses and files to a model on a device.

import { readExactly } from '../formats/source.ts';
import { openGpu } from '../gpu/gpu.ts';
import { readClip } from '../model/checkpoint/open.ts';
import { preprocessImage } from '../model/clip/preprocess.ts';
import { loadClip } from '../model/clip/weights.ts';
import { sha256 as hashOf } from '../train/features/entry.ts';
import type { ClipSource, FileSource, LoadOptions } from './api.ts';
import type { Environment, OpenedFile } from './environment.ts';
import { DetectorError } from './errors.ts';
import { createModel, type GivenPrompts, type Model } from './model.ts';
import { countReading, type Reading, type ReadingCount, watchReading } from './reading.ts';

export interface ModelOptions extends Omit<LoadOptions, 'prompts'> {
  readonly clip: ClipSource;
  readonly environment: Environment;
}

/** Reads a small file whole, counted like the weights. */
export async function readWhole(
  given: FileSource,
  { environment, cache = true, headers, signal, onWarning = () => {} }: Omit<ModelOptions, 'clip'>,
  count = countReading(undefined),
): Promise<{ bytes: Uint8Array<ArrayBuffer>; name: string }> {
  return repairing({ environment, onWarning }, async () => {
    const { main } = await environment.open(given, {
      cache,
      headers,
      signal,
      onWarning,
      onBytes: (file, done, total) => count.report(file, done, total, 'network'),
    });
    const { source } = main;
    try {
      const bytes = await readExactly(source, 0, source.size);
      if (!main.counted) count.report(source.name, source.size, source.size, main.from);
      return { bytes, name: source.name };
    } finally {
      await main.close?.();
    }
  });
}

/** Once more, if what was stored is damaged and was removed. */
async function repairing<T>(
  { environment, onWarning = () => {} }: Pick<ModelOptions, 'environment' | 'onWarning'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (await environment.repair?.(error, onWarning)) return work();
    throw error;
  }
}

/** Opens device and CLIP and compiles what the prompts need. @throws what any of it throws */
export const openModel = (
  options: ModelOptions,
  prompts: GivenPrompts | undefined,
  count = countReading(options.progress),
): Promise<Model> => repairing(options, () => openOnce(options, prompts, count));

async function openOnce(
  options: ModelOptions,
  prompts: GivenPrompts | undefined,
  count: ReadingCount,
): Promise<Model> {
  const { signal, progress, memoryBudget } = options;
  if (memoryBudget !== undefined && !(memoryBudget > 0))
    throw new RangeError(`memoryBudget: expected bytes above 0, found ${memoryBudget}`);
  const gpu = await openGpu(memoryBudget === undefined ? {} : { memoryBudget });
  const stopWatching = gpu.pipelines.watch((done, total) => progress?.({ phase: 'compile', done, total }));
  const closing: (() => void)[] = [() => gpu.close(), stopWatching];
  const dispose = () => {
    for (const close of closing.splice(0).reverse()) close();
  };
  try {
    const opened = await openWeights(options, count);
    closing.push(opened.close);
    const clip = await loadClip(gpu, opened.file, { ...(signal ? { signal } : {}) });
    closing.push(clip.dispose);
    const sha256 = await opened.finish();
    if (options.sha256 !== undefined && options.sha256 !== sha256)
      throw new DetectorError(
        'bad-weights',
        `${clip.name}: expected sha256 ${options.sha256}, found ${sha256}`,
        {
          file: clip.name,
        },
      );
    const model = createModel({ gpu, clip, file: opened.file, sha256 }, dispose);
    // Compiled beside the rest; every image needs them.
    const warm = preprocessImage(gpu, { width: 2, height: 2, data: new Uint8Array(12) }, model.size);
    await Promise.all([warm, prompts && model.usePrompts(prompts)]);
    signal?.throwIfAborted();
    stopWatching();
    return model;
  } catch (error) {
    dispose();
    // The device's own reason is better than what its failure led to.
    throw gpu.failure ?? error;
  }
}

/** The CLIP's tensors; `finish` gives the sha256 of its files, as the command line computes it. */
async function openWeights(
  { environment, clip, cache = true, sha256, headers, signal, onWarning = () => {} }: ModelOptions,
  count: ReadingCount,
) {
  const readings: { name: string; reading: Reading }[] = [];
  const files: OpenedFile[] = [];
  const track = (opened: OpenedFile) => {
    files.push(opened);
    const reading = watchReading(opened, environment.hasher, count);
    readings.push({ name: opened.source.name, reading });
    return reading.source;
  };
  const close = () => {
    for (const file of files) void file.close?.();
  };
  try {
    const { main, beside } = await environment.open(clip, {
      cache,
      sha256,
      headers,
      signal,
      onWarning,
      onBytes: (file, done, total) => count.report(file, done, total, 'network'),
    });
    const { file } = await readClip(track(main), async (name) => {
      const found = await beside(name);
      return found && track(found);
    });
    return {
      file,
      close,
      async finish() {
        const hashes: string[] = [];
        for (const { name, reading } of readings)
          if (!name.endsWith('.json')) hashes.push(await reading.finish());
        return hashes.length === 1 ? hashes[0]! : hashOf(new TextEncoder().encode(hashes.join('')));
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}
