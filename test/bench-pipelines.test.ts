// What the compilers of pretended GPUs print, as bench/pipelines.ts reads it; the compilers themselves are not needed.
import { describe, expect, test } from 'vitest';
import { requireSome } from '../bench/commands/options.ts';
import { type Estimate, estimate, h100 } from '../bench/estimate.ts';
import { begin, createReader, eachTime, faults, largeGpu, pipelinesOf, plansOf } from '../bench/pipelines.ts';
import type { Capabilities, Gpu } from '../src/gpu/gpu.ts';
import type { Plan } from '../src/graph/plan.ts';
import { dispatchesOf } from '../src/graph/steps.ts';

const nvidia = (registers: number, spills: number) => `${begin(0)}
NAK IR after opt_copy_prop:
block 1 {
    r0 = ffma r1 r2 r3
}
NAK IR after calc_instr_deps:
block.u 6 L17 [0] -> {
    r1..3 = ldc.b64 c[0x0]
    r4 = ffma r1 r2 r3
}
block.u 28 L52 [27] -> {
    r4 = ffma r1 r2 r3 // delay=1
    r5 = ffma r1 r2 r4
    r6 = ffma r1 r2 r5
    r7..11 = ld.shared.b128 [r6]
} -> [28]

Stage: compute
Instruction count: 3321
Max warps/SM: 16
Spills to mem: ${spills}
Spills to reg: 0
Num GPRs: ${registers}
`;
const amd = `${begin(0)}
*** SHADER STATS ***
VGPRs: 144
Spilled SGPRs: 2
Spilled VGPRs: 1
Instructions: 2789
Pre-Sched VGPRs: 97
${begin(1)}
VGPRs: 24
Spilled SGPRs: 0
Spilled VGPRs: 0
Instructions: 99
`;
const read = (text: string) => {
  const reader = createReader();
  for (const line of text.split('\n')) reader.line(line);
  return reader.compiled;
};

describe('pipelines compiled for GPUs that are not here', () => {
  test('NVK: registers, spills, and the share of multiply-adds of the block that has the most', () => {
    expect(read(nvidia(120, 0))).toEqual([
      { pipeline: 0, registers: 120, needed: 120, spills: 0, instructions: 3321, multiplyAdds: 0.75 },
    ]);
  });

  test('RADV: one after the other', () => {
    expect(read(amd)).toEqual([
      { pipeline: 0, registers: 144, needed: 97, spills: 3, instructions: 2789, multiplyAdds: 0 },
      { pipeline: 1, registers: 24, needed: 24, spills: 0, instructions: 99, multiplyAdds: 0 },
    ]);
  });

  test('a pipeline of which nothing was printed is missing, not well', () => {
    expect(read(`${begin(0)}\n${nvidia(120, 0).replace(begin(0), begin(1))}`).map((c) => c.pipeline)).toEqual(
      [1],
    );
  });

  test('spills, registers and too few multiply-adds are faults', () => {
    const of = (registers: number, spills: number, path = 'src/kernels/exp/exp.wgsl') =>
      faults('nvidia', path, read(nvidia(registers, spills))[0]!, 128);
    expect(of(128, 0)).toEqual([]);
    expect(of(129, 0)).toEqual(['needs 129 registers']);
    // What a compiler takes beyond what is needed is none; nor is what a kernel may need on one GPU.
    const needing = (needed: number) => ({ ...read(nvidia(192, 0))[0]!, needed });
    expect(faults('amd', 'x.wgsl', needing(128), 128)).toEqual([]);
    const units = 'src/kernels/matmul/matmul_units_16x16x16.wgsl';
    expect(faults('amd', units, needing(140), 128)).toEqual([]);
    expect(faults('amd', units, needing(141), 128)).toEqual(['needs 141 registers']);
    expect(faults('nvidia', units, needing(140), 128)).toEqual(['needs 140 registers']);
    expect(of(16, 3)).toEqual(['3 spills']);
    expect(of(16, 0, 'src/kernels/matmul/matmul_block.wgsl')).toEqual(['75 % multiply-adds, at least 85 %']);
    expect(of(16, 0, 'src/kernels/matmul/matmul_tile.wgsl')).toEqual([]);
  });

  test('an image and a step of ViT-L on a large GPU multiply on matrix units; no pipeline is listed twice', () => {
    const uses = pipelinesOf('ViT-L/14@336px');
    expect(uses[0]!.shader.path).toBe('src/kernels/matmul/matmul_units_16x16x16.wgsl');
    const keys = uses.map(({ shader, overrides }) => `${shader.path} ${JSON.stringify(overrides)}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThan(30);
  });

  test("a step of ViT-L on a large GPU: prompts go through the layers together; the bound is the dispatches' sum", () => {
    const { image, step } = plansOf('ViT-L/14@336px');
    const by = (capabilities: Capabilities) =>
      [image, step].map((plan) => estimate(plan, capabilities, h100)) as [Estimate, Estimate];
    const onUnits = by(largeGpu);
    const inF32 = by({ ...largeGpu, matrixUnits: [] });
    expect(onUnits[1].dispatches).toBeLessThan(350);
    // Behind the last attention only the rows that are read: all of them take 1217.0 and 188.4.
    expect(onUnits[0].gflop).toBeLessThan(1195);
    expect(onUnits[1].gflop).toBeLessThan(180);
    for (const { milliseconds, bound } of [...onUnits, ...inF32])
      expect(milliseconds).toBeCloseTo(bound.arithmetic + bound.memory + bound.dispatch, 9);
    // No faster than the peak, and matrix units are faster.
    for (const { bound, gflop, milliseconds } of inF32) {
      expect(milliseconds).toBeGreaterThan((1e12 * gflop) / h100.flops);
      expect(bound.arithmetic).toBeGreaterThan(0);
    }
    expect(onUnits[0].milliseconds).toBeLessThan(0.5 * inF32[0].milliseconds);
  });

  test('8 images are scored together by the kernels that one is, in as many dispatches', () => {
    const { score, scoreOf8 } = plansOf('ViT-L/14@336px');
    const kinds: Capabilities[] = [
      largeGpu,
      { ...largeGpu, matrixUnits: [] },
      { ...largeGpu, matrixUnits: [], subgroupSize: 0 },
      { ...largeGpu, matrixUnits: [], subgroupSize: 0, software: true },
    ];
    for (const capabilities of kinds) {
      const kernels = (plan: Plan) =>
        eachTime(plan).flatMap((node) =>
          dispatchesOf({ capabilities } as Gpu, node, undefined).map(
            ({ dispatch: { shader, overrides } }) => `${shader.path} ${JSON.stringify(overrides)}`,
          ),
        );
      const one = kernels(score);
      // A pass that only copies may be there for several.
      expect(kernels(scoreOf8).filter((kernel) => !/slice/.test(kernel))).toEqual(
        one.filter((kernel) => !/slice/.test(kernel)),
      );
      expect(kernels(scoreOf8).length).toBeLessThanOrEqual(one.length + 1);
    }
  });
});

test('a filter that leaves nothing is an error that says what there is', () => {
  const names = ['image out', 'text out', 'text out'];
  expect(() => requireSome('--filter', 'out', 2, names)).not.toThrow();
  expect(() => requireSome('--filter', 'no such', 0, names)).toThrow(
    '--filter no such: nothing fits; there is image out, text out',
  );
});
