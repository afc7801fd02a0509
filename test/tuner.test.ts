import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Gpu, openGpu } from '../src/gpu/gpu.ts';
import { openTuning, type TuningStore } from '../src/gpu/tuning.ts';
import { compile } from '../src/graph/executor.ts';
import { createGraph } from '../src/graph/graph.ts';
import { fileTuningStore, gpuOptions } from '../src/jobs/gpu-options.node.ts';
import { matmul } from '../src/kernels/matmul/matmul.ts';
import { f32 } from '../src/kernels/tensor.ts';
import { numbers } from '../testing/op-check.ts';

/** A store in memory that fails to write where it is told to. */
function memoryStore(texts = new Map<string, string>(), full = false): TuningStore {
  return {
    read: async (adapter) => texts.get(adapter),
    async write(adapter, text) {
      if (full) throw new Error('no space left');
      texts.set(adapter, text);
    },
  };
}

const normals = (count: number, seed: number) => {
  const { normal } = numbers(seed);
  return Float32Array.from({ length: count }, normal);
};

/** a b for a [M, 128] and b [128, 96]; with the shaders that were used. */
async function product(gpu: Gpu, M = 64, variants?: Record<string, string>) {
  const graph = createGraph();
  const y = matmul(graph, graph.input('a', f32(M, 128)), graph.input('b', f32(128, 96)));
  const executable = await compile(gpu, graph, { y }, variants ? { variants } : {});
  const got = await executable.run({ a: normals(M * 128, 1), b: normals(128 * 96, 2) }, ['y']);
  const shaders = (await executable.profile()).map(({ shader }) => path.basename(shader, '.wgsl'));
  executable.dispose();
  return { y: [...got.y!], shaders };
}

const opened: Gpu[] = [];
afterEach(() => {
  for (const gpu of opened.splice(0)) gpu.close();
});
async function tuned(store: TuningStore) {
  const measured: string[] = [];
  const gpu = await openGpu({
    tuning: { store, software: true, onMeasure: (what) => measured.push(what) },
  });
  opened.push(gpu);
  return { gpu, measured };
}

describe('tuner', () => {
  test('measures a class of shapes once, and another device finds the choice', async () => {
    const texts = new Map<string, string>();
    const first = await tuned(memoryStore(texts));
    const { y } = await product(first.gpu);
    expect(first.measured).toEqual(['matmul 64x128, 128x96']);
    expect(first.gpu.memory.allocated).toBe(0); // what was measured on is freed
    await product(first.gpu);
    await product(first.gpu, 60); // the same class: about 64 rows
    expect(first.measured).toHaveLength(1);
    await product(first.gpu, 200);
    expect(first.measured).toHaveLength(2);

    const second = await tuned(memoryStore(texts));
    expect((await product(second.gpu)).y).toEqual(y); // the same choice, the same bits
    expect(second.measured).toEqual([]);
  });

  test('follows the stored choice, and a forced variant comes before it', async () => {
    const texts = new Map<string, string>();
    const { gpu } = await tuned(memoryStore(texts));
    await product(gpu);
    const choose = (name: string) => {
      for (const [adapter, text] of texts) {
        const stored = JSON.parse(text) as { choices: Record<string, string> };
        for (const key of Object.keys(stored.choices)) stored.choices[key] = name;
        texts.set(adapter, JSON.stringify(stored));
      }
    };
    for (const [variant, other] of [
      ['tile', 'skinny'],
      ['skinny', 'tile'],
    ] as const) {
      choose(variant);
      const again = await tuned(memoryStore(texts));
      const found = await product(again.gpu);
      expect(found.shaders).toEqual([`matmul_${variant}`]);
      expect(again.measured).toEqual([]);
      const forced = await product(again.gpu, 64, { matmul: other });
      expect(forced.shaders).toEqual([`matmul_${other}`]);
    }
    choose('no such variant'); // of an older version: the operator chooses
    const again = await tuned(memoryStore(texts));
    const own = await openGpu();
    opened.push(own);
    expect((await product(again.gpu)).shaders).toEqual((await product(own)).shaders);
  });

  test('is off unless asked for, on a software adapter unless asked for that', async () => {
    const own = await openGpu();
    opened.push(own);
    expect(own.tuning).toBeUndefined();
    const gpu = await openGpu({ tuning: { store: memoryStore() } });
    opened.push(gpu);
    expect(gpu.tuning === undefined).toBe(gpu.capabilities.software);
  });
});

describe('stored choices', () => {
  test('what does not read counts as none; what cannot be written turns tuning off', async () => {
    for (const text of ['', '{', '{"format":0,"choices":{"a":"b"}}', '{"format":1,"choices":{"a":5}}']) {
      const tuning = await openTuning({ store: memoryStore(new Map([['x', text]])) }, 'x');
      expect(tuning!.get('a')).toBeUndefined();
    }
    expect(await openTuning({ store: memoryStore(new Map(), true) }, 'x')).toBeUndefined();
  });

  test('two processes keep each other’s choices', async () => {
    const texts = new Map<string, string>();
    const [one, two] = [
      (await openTuning({ store: memoryStore(texts) }, 'x'))!,
      (await openTuning({ store: memoryStore(texts) }, 'x'))!,
    ];
    one.set('a', 'tile');
    two.set('b', 'strip');
    await one.save();
    await two.save();
    const three = (await openTuning({ store: memoryStore(texts) }, 'x'))!;
    expect([three.get('a'), three.get('b')]).toEqual(['tile', 'strip']);
  });

  test('in a file per adapter', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-tuning-'));
    try {
      const store = fileTuningStore({ XDG_CACHE_HOME: folder });
      const tuning = (await openTuning({ store }, 'one'))!;
      tuning.set('a', 'tile');
      await tuning.save();
      await openTuning({ store }, 'two');
      const files = await readdir(path.join(folder, 'faprompt', 'tuning'));
      expect(files).toHaveLength(2);
      expect((await openTuning({ store }, 'one'))!.get('a')).toBe('tile');
      expect((await openTuning({ store }, 'two'))!.get('a')).toBeUndefined();
      const texts = await Promise.all(
        files.map((file) => readFile(path.join(folder, 'faprompt', 'tuning', file), 'utf8')),
      );
      expect(texts.map((text) => (JSON.parse(text) as { adapter: string }).adapter).sort()).toEqual([
        'one',
        'two',
      ]);
      // A cache folder that is a file: nothing can be stored.
      await writeFile(path.join(folder, 'file'), '');
      const blocked = fileTuningStore({ XDG_CACHE_HOME: path.join(folder, 'file') });
      expect(await openTuning({ store: blocked }, 'one')).toBeUndefined();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

test('the environment: variants, subgroups, bounds checks, tuning; nonsense is refused', () => {
  const note = () => {};
  const options = gpuOptions(note, {
    FAPROMPT_VARIANTS: 'matmul=tile,attention=direct',
    FAPROMPT_SUBGROUPS: '0',
    FAPROMPT_BOUNDS_CHECKS: '0',
    FAPROMPT_TUNE: 'on',
  });
  expect(options.variants).toEqual({ matmul: 'tile', attention: 'direct' });
  expect([options.subgroups, options.boundsChecks, options.tuning?.software]).toEqual([false, false, true]);
  const defaults = gpuOptions(note, {});
  expect([defaults.subgroups, defaults.boundsChecks, defaults.tuning?.software]).toEqual([true, true, false]);
  expect(gpuOptions(note, { FAPROMPT_TUNE: 'off' }).tuning).toBeUndefined();
  expect(gpuOptions(note, { FAPROMPT_SUBGROUPS: '16' }).subgroups).toBe(16);
  expect(() => gpuOptions(note, { FAPROMPT_SUBGROUPS: 'off' })).toThrow(/FAPROMPT_SUBGROUPS: .*found off/);
  expect(() => gpuOptions(note, { FAPROMPT_TUNE: 'yes' })).toThrow(/expected on, off or auto, found yes/);
  expect(() => gpuOptions(note, { FAPROMPT_VARIANTS: 'matmul' })).toThrow(/operator=variant/);
});
