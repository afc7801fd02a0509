// docs/ADAPTERS.md: what is chosen on an adapter that lacks something, and that it is right there.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Capabilities, Gpu } from '../src/gpu/gpu.ts';
import { attentionTests } from '../src/kernels/attention/attention.cases.ts';
import { attentionOp } from '../src/kernels/attention/attention.ts';
import { sequenceOverrides } from '../src/kernels/attention/layout.ts';
import { layernormTest } from '../src/kernels/layernorm/layernorm.cases.ts';
import { matmulTest } from '../src/kernels/matmul/matmul.cases.ts';
import { matmulOp } from '../src/kernels/matmul/matmul.ts';
import type { OpTest } from '../src/kernels/op-test.ts';
import { f32 } from '../src/kernels/tensor.ts';
import { checkCase } from '../testing/op-check.ts';
import { testGpu } from './gpu.ts';

const gpu = await testGpu();

/** As a large GPU describes itself. */
const large: Capabilities = {
  subgroupSize: 32,
  timestamps: true,
  software: false,
  maxInvocations: 1024,
  workgroupMemory: 49152,
  matrixUnits: [{ M: 16, N: 16, K: 16 }],
  roundOperands: false,
};

const tensor = (...shape: number[]) => ({ ...f32(...shape), storage: 0 });
const nameOf = (shader: string) => path.basename(shader, '.wgsl');

function choices(capabilities: Capabilities) {
  const [product] = matmulOp.dispatches({
    attrs: { transposeB: true },
    inputs: [tensor(1370, 1024), tensor(4096, 1024)],
    outputs: [tensor(1370, 4096)],
    capabilities,
  });
  const attention = (length: number) =>
    attentionOp.dispatches({
      attrs: { heads: 2 },
      inputs: [tensor(1, length, 3 * 128), undefined],
      outputs: [tensor(1, length, 128), tensor(1, 2, length)],
      capabilities,
    })[0]!;
  const wide = product!.overrides!.WIDTH === 128 || product!.overrides!.ROWS === 4 ? 'wide ' : '';
  return [
    `${wide}${nameOf(product!.shader.path)}`,
    nameOf(attention(1370).shader.path),
    nameOf(attention(12).shader.path),
  ];
}

describe('what is chosen', () => {
  const units = 'matmul_units_16x16x16';
  test.each<[string, Partial<Capabilities>, string[]]>([
    ['matrix units', {}, [`wide ${units}`, 'attention_tile', 'attention_sequence']],
    ['32 KiB', { workgroupMemory: 32768 }, [units, 'attention_tile', 'attention_sequence']],
    ['no matrix units', { matrixUnits: [] }, ['wide matmul_block', 'attention_tile', 'attention_sequence']],
    [
      'no subgroups',
      { subgroupSize: 0, matrixUnits: [] },
      ['wide matmul_block', 'attention_tile', 'attention_sequence'],
    ],
    [
      'what WebGPU guarantees',
      { subgroupSize: 0, matrixUnits: [], workgroupMemory: 16384, maxInvocations: 256 },
      ['wide matmul_block', 'attention', 'attention_sequence'],
    ],
    [
      'a software rasteriser',
      { software: true, subgroupSize: 8, matrixUnits: [] },
      ['matmul_strip_quads', 'attention_subgroup', 'attention_subgroup'],
    ],
    [
      'a software rasteriser without subgroups',
      { software: true, subgroupSize: 0, matrixUnits: [] },
      ['matmul_tile', 'attention', 'attention'],
    ],
  ])('%s', (_, lacking, expected) => {
    expect(choices({ ...large, ...lacking })).toEqual(expected);
  });

  test('16 KiB hold sequences of 16 tokens, 12 backward', () => {
    const capabilities = { ...large, workgroupMemory: 16384 };
    const fits = (length: number, backward: boolean) => {
      const qkv = tensor(1, length, 3 * 768);
      return sequenceOverrides({ attrs: { heads: 12 }, capabilities }, qkv, backward) !== undefined;
    };
    expect([16, 17].map((length) => fits(length, false))).toEqual([true, false]);
    expect([12, 13].map((length) => fits(length, true))).toEqual([true, false]);
  });

  test('the page names what is chosen', async () => {
    const page = await readFile(path.resolve(import.meta.dirname, '../docs/ADAPTERS.md'), 'utf8');
    for (const name of ['wide_units', 'units', 'wide_block', 'strip', 'tile', 'sequence'])
      expect(page).toContain(`\`${name}\``);
  });
});

describe('what is chosen is right', () => {
  // On the device at hand: it has no fewer lanes and no less memory than these allow.
  const { capabilities } = gpu;
  const rows: Record<string, Partial<Capabilities>> = {
    'a GPU without subgroups': { software: false, subgroupSize: 0, matrixUnits: [] },
    'what WebGPU guarantees': {
      software: false,
      subgroupSize: 0,
      matrixUnits: [],
      workgroupMemory: 16384,
      maxInvocations: 256,
    },
    'software without subgroups': { software: true, subgroupSize: 0, matrixUnits: [] },
  };
  const ops: [OpTest, RegExp][] = [
    [matmulTest, /^(37x130x65|f16 weight|int8 weight, activated)$/],
    ...attentionTests.map((t): [OpTest, RegExp] => [t, /causal/]).slice(0, 1),
    [layernormTest, /^(odd|text tokens)$/],
  ];
  for (const [name, lacking] of Object.entries(rows)) {
    const other: Gpu = { ...gpu, capabilities: { ...capabilities, ...lacking } };
    for (const [opTest, wanted] of ops) {
      const cases = opTest.cases.filter((c) => wanted.test(c.name)).slice(0, 3);
      test.each(cases)(`$name of ${opTest.op.name}, ${name}`, async (testCase) => {
        for (const { what, error, scale } of await checkCase(other, opTest, testCase))
          expect(error, what).toBeLessThanOrEqual((testCase.tolerance ?? 5e-6) * scale + 1e-30);
      });
      test(`${opTest.op.name} has such cases`, () => expect(cases.length).toBeGreaterThan(0));
    }
  }
});
