// Subgroups of varying size: what is made of an adapter that has such, and that kernels are right where they ask for a size.

import { describe, expect, test } from 'vitest';
import { adapterSource } from '#gpu/adapter';
import { openGpu } from '../src/gpu/gpu.ts';
import { codeFor, firstThatCompiles, sizeControl, subgroupsOf } from '../src/gpu/subgroups.ts';
import { attentionTests } from '../src/kernels/attention/attention.cases.ts';
import { conv2dTest } from '../src/kernels/conv2d/conv2d.cases.ts';
import { matmulTest } from '../src/kernels/matmul/matmul.cases.ts';
import strip from '../src/kernels/matmul/matmul_strip.wgsl';
import { layoutNames } from '../src/kernels/matmul/units.ts';
import type { OpTest } from '../src/kernels/op-test.ts';
import { checkCase } from '../testing/op-check.ts';
import { testGpu } from './gpu.ts';

const adapter = (least: number, most: number, ...features: string[]) => ({
  features: new Set(features),
  info: { subgroupMinSize: least, subgroupMaxSize: most } as GPUAdapterInfo,
});
const lanes = (...sizes: number[]) => [
  ...sizes.map((size) => ({ size, controlled: true })),
  { size: 0, controlled: false },
];

describe('the subgroups of an adapter', () => {
  test.each<[string, ReturnType<typeof adapter>, ReturnType<typeof lanes>]>([
    ['NVIDIA', adapter(32, 32, 'subgroups', sizeControl), [{ size: 32, controlled: false }]],
    ['AMD', adapter(32, 64, 'subgroups', sizeControl), lanes(32, 64)],
    ['Intel', adapter(8, 32, 'subgroups', sizeControl), lanes(32, 16, 8)],
    ['wide ones only', adapter(64, 128, 'subgroups', sizeControl), lanes(64, 128)],
    ['varying, and no way to choose', adapter(32, 64, 'subgroups'), lanes()],
    ['none', adapter(4, 128, sizeControl), lanes()],
    ['nothing known', { features: new Set<string>(), info: {} as GPUAdapterInfo }, lanes()],
  ])('%s', (_, given, expected) => {
    expect(subgroupsOf(given, true)).toEqual(expected);
    expect(subgroupsOf(given, false)).toEqual(lanes());
  });

  test('a number is what they get, or an error that says what there is', () => {
    const amd = adapter(32, 64, 'subgroups', sizeControl);
    expect(subgroupsOf(amd, 64)).toEqual([{ size: 64, controlled: true }]);
    expect(subgroupsOf(adapter(32, 32, 'subgroups'), 32)).toEqual([{ size: 32, controlled: false }]);
    for (const [given, wanted, message] of [
      [amd, 16, 'subgroups of 16 lanes: this adapter has 32 to 64'],
      [adapter(32, 64, 'subgroups'), 32, 'this adapter has 32 to 64, and no way to choose'],
      [adapter(32, 32, 'subgroups'), 16, 'this adapter has 32, and no way to choose'],
      [adapter(4, 128), 32, 'this adapter has no subgroups'],
    ] as const)
      expect(() => subgroupsOf(given, wanted)).toThrow(
        expect.objectContaining({ kind: 'limit-too-small', message: expect.stringContaining(message) }),
      );
  });

  test('the largest that the device compiles is taken, none where it compiles none', async () => {
    const device = (...works: number[]) =>
      ({
        pushErrorScope: () => {},
        popErrorScope: async () => null,
        createShaderModule: () => ({}),
        async createComputePipelineAsync({ compute }: GPUComputePipelineDescriptor) {
          if (!works.includes(compute.constants!.SUBGROUP!)) throw new Error('refused');
          return {};
        },
      }) as unknown as GPUDevice;
    const intel = lanes(32, 16, 8);
    expect(await firstThatCompiles(device(16, 8), intel)).toEqual({ size: 16, controlled: true });
    expect(await firstThatCompiles(device(), intel)).toEqual({ size: 0, controlled: false });
    await expect(firstThatCompiles(device(8), [intel[0]!])).rejects.toMatchObject({
      kind: 'limit-too-small',
    });
  });

  test('a shader says its size only to a device that is asked for it', () => {
    const [asks, silent] = [codeFor(strip, true), codeFor(strip, false)];
    expect(asks).toContain('@subgroup_size(SUBGROUP)');
    expect(silent).not.toMatch(/subgroup_size_control|@subgroup_size/);
    expect(silent.split('\n').length).toBe(asks.split('\n').length); // errors name the same lines
  });
});

const own = await testGpu();
const { features } = await adapterSource.open({ boundsChecks: true });
const controls = own.capabilities.subgroupSize > 0 && (features as ReadonlySet<string>).has(sizeControl);
if (!controls) console.log(`skipped: this adapter has no ${sizeControl}`);

describe.skipIf(!controls)('kernels that ask for the size of their subgroups', () => {
  const size = own.capabilities.subgroupSize;
  const opTests: { opTest: OpTest; variant: string; wanted: RegExp }[] = [
    { opTest: matmulTest, variant: 'strip', wanted: /^(37x130x65|f16 weight)$/ },
    { opTest: attentionTests[0]!, variant: 'subgroup', wanted: /causal/ },
    { opTest: conv2dTest, variant: 'strip', wanted: /^3x3, stride/ },
    ...(own.capabilities.matrixUnits.length > 0
      ? layoutNames.map((variant) => ({ opTest: matmulTest, variant, wanted: /^37x130x65$/ }))
      : []),
  ];
  test.each(opTests)('$opTest.op.name, $variant', async ({ opTest, variant, wanted }) => {
    const gpu = await openGpu({ subgroups: size });
    try {
      const asked: string[] = [];
      const { createShaderModule } = gpu.device;
      gpu.device.createShaderModule = (descriptor) => {
        asked.push(descriptor.code);
        return createShaderModule.call(gpu.device, descriptor);
      };
      const cases = opTest.cases.filter((c) => wanted.test(c.name)).slice(0, 2);
      expect(cases.length).toBeGreaterThan(0);
      for (const testCase of cases)
        for (const { what, error, scale } of await checkCase(gpu, opTest, testCase, variant))
          expect(error, what).toBeLessThanOrEqual((testCase.tolerance ?? 5e-6) * scale + 1e-30);
      expect(asked.some((code) => code.includes('@subgroup_size(SUBGROUP)'))).toBe(true);
    } finally {
      gpu.close();
    }
  });

  test('a size that the adapter lacks is refused, and the device is as it was', async () => {
    await expect(openGpu({ subgroups: 128 })).rejects.toThrow(/subgroups of 128 lanes: this adapter has/);
    expect((await openGpu()).capabilities.subgroupSize).toBe(size);
  });
});
