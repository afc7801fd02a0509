import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { esbuildWgsl } from '../scripts/wgsl-plugin.mjs';
import { GpuError, type GpuErrorKind } from '../src/gpu/errors.ts';
import { openGpu } from '../src/gpu/gpu.ts';
import { packUniform } from '../src/gpu/shader.ts';
import { compile } from '../src/graph/executor.ts';
import { createGraph } from '../src/graph/graph.ts';
import { affine } from '../src/kernels/elementwise/elementwise.ts';
import { f32 } from '../src/kernels/tensor.ts';
import { hasEsbuild } from '../testing/esbuild.ts';
import { testGpu } from './gpu.ts';

const rejects = async (promise: Promise<unknown>, kind: GpuErrorKind): Promise<GpuError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(GpuError);
  expect((error as GpuError).kind).toBe(kind);
  return error as GpuError;
};

const bigGraph = (size: number) => {
  const graph = createGraph();
  return { graph, y: affine(graph, graph.input('x', f32(size)), 2) };
};

describe('typed errors', () => {
  test('a shader that does not compile: file, line and reason', async () => {
    const gpu = await testGpu();
    const shader = {
      path: 'src/kernels/broken/broken.wgsl',
      code: '\n\nfn main( {',
      bindings: [],
      overrides: [],
      origins: [],
      constants: {},
    };
    const error = await rejects(gpu.pipelines.get(shader, {}), 'shader-compile');
    expect(error.message).toMatch(/^src\/kernels\/broken\/broken\.wgsl:3:\d+: /);
  });

  test('a tensor above the adapter’s limit: what needs how much, and the largest tensors', async () => {
    const gpu = await testGpu();
    const { maxStorageBufferBindingSize, maxBufferSize } = gpu.device.limits;
    const { graph, y } = bigGraph(Math.min(maxStorageBufferBindingSize, maxBufferSize) / 4 + 1024);
    const error = await rejects(compile(gpu, graph, { y }), 'limit-too-small');
    expect(error.message).toMatch(
      /needs .* in one buffer; this adapter allows .*largest tensors are \[\d+\]/,
    );
  });

  test('a budget that is too small: nothing stays allocated', async () => {
    const gpu = await openGpu({ memoryBudget: 1 << 20 });
    const { graph, y } = bigGraph(1 << 18);
    const error = await rejects(compile(gpu, graph, { y }), 'out-of-memory');
    expect(error.message).toMatch(/budget of 1.0 MiB.*smaller batch, image or model.*largest tensors/);
    expect(gpu.memory.allocated).toBe(0);
    gpu.close();
  });

  test('a lost device rejects what is running and what comes after', async () => {
    const gpu = await openGpu();
    const { graph, y } = bigGraph(1024);
    const executable = await compile(gpu, graph, { y });
    gpu.device.destroy();
    await rejects(executable.run({ x: new Float32Array(1024) }, ['y']), 'device-lost');
    await rejects(executable.run({ x: new Float32Array(1024) }, ['y']), 'device-lost');
    gpu.close();
  });

  test('a validation error is reported at the next wait', async () => {
    const gpu = await openGpu();
    gpu.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    await rejects(gpu.finish(), 'validation');
    gpu.close();
  });
});

test('uniform members are packed where WGSL has them; forgotten and unknown ones are errors', () => {
  const shader = {
    path: 'x.wgsl',
    code: '',
    bindings: [],
    overrides: [],
    origins: [],
    constants: {},
    uniform: {
      binding: 0,
      size: 32,
      members: [
        { name: 'count', offset: 0, type: 'u32' },
        { name: 'scale', offset: 4, type: 'f32' },
        { name: 'shape', offset: 16, type: 'vec4u' },
      ],
    },
  };
  const bytes = new DataView(new ArrayBuffer(32));
  packUniform(shader, { count: 7, scale: 0.5, shape: [1, 2, 3, 4] }, bytes);
  expect(bytes.getUint32(0, true)).toBe(7);
  expect(bytes.getFloat32(4, true)).toBe(0.5);
  expect(bytes.getUint32(28, true)).toBe(4);
  expect(() => packUniform(shader, { count: 7, scale: 0.5 }, bytes)).toThrow(/"shape" was not given/);
  expect(() => packUniform(shader, { count: 7, scale: 1, shape: [1], extra: 1 }, bytes)).toThrow(
    /no uniform member named "extra"/,
  );
});

test('thousands of dropped bind groups are collected: only the collector frees them', async () => {
  const gpu = await testGpu();
  const dropped = new WeakRef({ bindGroup: true });
  await new Promise((resolve) => setTimeout(resolve, 0)); // until then a WeakRef keeps what it names
  gpu.dropped(4000);
  gpu.dropped(4000);
  expect(dropped.deref()).toBeUndefined();
});

test('what somebody has waited for is not kept by the device', async () => {
  const gpu = await testGpu();
  const wait = async () => {
    const result = { done: true };
    await gpu.guard(Promise.resolve(result));
    return new WeakRef(result);
  };
  const results = [await wait(), await wait()];
  await new Promise((resolve) => setTimeout(resolve, 0)); // until then a WeakRef keeps what it names
  gpu.dropped(4000);
  gpu.dropped(4000);
  expect(results.map((result) => result.deref())).toEqual([undefined, undefined]);
});

describe.skipIf(!hasEsbuild())('a process of its own', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(import.meta.dirname, '..', 'node_modules', '.gpu-test-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Bundles a program against src/ and runs it. */
  const run = async (
    name: string,
    program: string,
    nodeOptions: string[] = [],
    env: NodeJS.ProcessEnv = {},
  ) => {
    const entry = path.join(folder, `${name}.ts`);
    await writeFile(entry, program.replaceAll('SRC', path.resolve('src')));
    const outfile = path.join(folder, `${name}.mjs`);
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      plugins: [esbuildWgsl],
      logLevel: 'error',
    });
    const child = promisify(execFile)(process.execPath, [...nodeOptions, outfile], {
      timeout: 240_000,
      env: { ...process.env, ...env },
    });
    return child.then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error: { code?: number; signal?: string; stdout: string }) => ({
        code: error.code ?? error.signal,
        stdout: error.stdout,
      }),
    );
  };

  const head = `import { openGpu } from 'SRC/gpu/gpu.ts';
    import { compile } from 'SRC/graph/executor.ts';
    import { createGraph } from 'SRC/graph/graph.ts';
    import { affine } from 'SRC/kernels/elementwise/elementwise.ts';
    import { matmul } from 'SRC/kernels/matmul/matmul.ts';
    import { f32 } from 'SRC/kernels/tensor.ts';`;

  test('survives garbage collections in the middle of work, and ends by itself', async () => {
    const { code, stdout } = await run(
      'gc',
      `${head}
      const gpu = await openGpu();
      for (let i = 0; i < 20; i += 1) {
        const graph = createGraph();
        const y = affine(graph, graph.input('x', f32(1000)), 2, i);
        const executable = await compile(gpu, graph, { y });
        (globalThis as unknown as { gc(): void }).gc();
        const got = await executable.run({ x: new Float32Array(1000) }, ['y']);
        (globalThis as unknown as { gc(): void }).gc();
        if (got.y![999] !== i) throw new Error('wrong value');
        executable.dispose();
      }
      gpu.close();
      console.log('done');`,
      ['--expose-gc'],
    );
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: 'done' });
  });

  test('waiting does not burn a core of its own', async () => {
    // A wait of 0.3 s or more on a promise: the event loop must turn about once a millisecond, not as fast as it can.
    const { code, stdout } = await run(
      'wait',
      `${head}
      const gpu = await openGpu();
      const graph = createGraph();
      const a = graph.input('a', f32(1024, 1024));
      let y = a;
      for (let i = 0; i < 6; i += 1) y = matmul(graph, y, a);
      const executable = await compile(gpu, graph, { y });
      await executable.run({ a: new Float32Array(1 << 20) }, ['y']);
      const before = performance.eventLoopUtilization();
      const start = performance.now();
      await executable.run({}, ['y']);
      const { utilization } = performance.eventLoopUtilization(before);
      console.log(JSON.stringify({ utilization, ms: performance.now() - start }));
      gpu.close();`,
    );
    expect(code).toBe(0);
    const { utilization, ms } = JSON.parse(stdout) as { utilization: number; ms: number };
    expect(ms).toBeGreaterThan(50);
    expect(utilization).toBeLessThan(0.5);
  });

  test('without an adapter: the command that helps', async () => {
    const nothing = { VK_DRIVER_FILES: '/nonexistent', VK_ICD_FILENAMES: '/nonexistent' };
    const { code, stdout } = await run(
      'none',
      `${head}
      try { await openGpu(); } catch (error) { console.log((error as { kind: string }).kind, (error as Error).message); }`,
      [],
      nothing,
    );
    expect(code).toBe(0);
    if (process.platform === 'linux')
      expect(stdout).toMatch(/^no-adapter no WebGPU adapter found: run `npx faprompt setup`/);
  });
});
