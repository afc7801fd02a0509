// How the environment wants the device to be opened.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { cacheFolder, writeFileAtomic } from '../base/files.node.ts';
import { readText } from '../base/open.node.ts';
import type { GpuOptions } from '../gpu/gpu.ts';
import type { TuningStore } from '../gpu/tuning.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * FAPROMPT_TUNE=on | off | auto: measure the variants of kernels on this adapter and keep the fastest (auto, the
 * default: on GPUs only); FAPROMPT_VARIANTS=matmul=tile,attention=direct: force them; FAPROMPT_SUBGROUPS=0: do without,
 * 16: of so many lanes; FAPROMPT_BOUNDS_CHECKS=0: shaders without bounds checks; FAPROMPT_ROUND_OPERANDS=1: products on matrix units in f16
 * alone.
 * @throws RangeError
 */
export function gpuOptions(note: (text: string) => void, env: Variables = process.env): GpuOptions {
  const tune = env.FAPROMPT_TUNE || 'auto';
  if (!['on', 'off', 'auto'].includes(tune))
    throw new RangeError(`FAPROMPT_TUNE: expected on, off or auto, found ${tune}`);
  const pairs = (env.FAPROMPT_VARIANTS ?? '').split(',').filter(Boolean);
  for (const pair of pairs) {
    if (!/^\w+=[\w-]+$/.test(pair))
      throw new RangeError(`FAPROMPT_VARIANTS: expected operator=variant,..., found ${pair}`);
  }
  const lanes = env.FAPROMPT_SUBGROUPS || '1';
  if (!/^(0|1|4|8|16|32|64|128)$/.test(lanes))
    throw new RangeError(`FAPROMPT_SUBGROUPS: expected 0, 1 or 4, 8, 16, 32, 64, 128 lanes, found ${lanes}`);
  const tuning = {
    store: fileTuningStore(env),
    software: tune === 'on',
    onMeasure: (what: string) => note(`measuring the kernels for ${what}, once for this adapter`),
  };
  return {
    subgroups: Number(lanes) > 1 ? Number(lanes) : lanes === '1',
    boundsChecks: env.FAPROMPT_BOUNDS_CHECKS !== '0',
    roundOperands: env.FAPROMPT_ROUND_OPERANDS === '1',
    variants: Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string])),
    tuning: tune === 'off' ? undefined : tuning,
  };
}

/** One file per adapter in $XDG_CACHE_HOME/faprompt/tuning, by default below ~/.cache. */
export function fileTuningStore(env: Variables = process.env): TuningStore {
  const folder = cacheFolder('tuning', env);
  const fileOf = (adapter: string) =>
    path.join(folder, `${createHash('sha256').update(adapter).digest('hex').slice(0, 16)}.json`);
  return {
    read: (adapter) => readText(fileOf(adapter), 2 ** 20).catch(() => undefined),
    write: (adapter, text) => writeFileAtomic(fileOf(adapter), text),
  };
}
