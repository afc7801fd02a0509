import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Capabilities } from '../src/gpu/gpu.ts';
import { compile } from '../src/graph/executor.ts';
import { gradient } from '../src/graph/gradient.ts';
import { createGraph } from '../src/graph/graph.ts';
import { type AttentionAttrs, attention, attentionOp } from '../src/kernels/attention/attention.ts';
import { attentionPairOp } from '../src/kernels/attention/attention_pair.ts';
import { gradientTileRows, tileRows } from '../src/kernels/attention/tile.ts';
import { multiply } from '../src/kernels/elementwise/elementwise.ts';
import type { Dispatch } from '../src/kernels/op.ts';
import { sumAll } from '../src/kernels/reduce/reduce.ts';
import { f32, ShapeError } from '../src/kernels/tensor.ts';
import { numbers } from '../testing/op-check.ts';
import { testGpu } from './gpu.ts';

describe('attention', () => {
  const build = (shape: number[], heads: number, prefixShape?: number[], prefixLength?: number) => () => {
    const g = createGraph();
    const prefix = prefixShape && { prefix: g.input('prefix', f32(...prefixShape)) };
    return attention(g, g.input('qkv', f32(...shape)), { heads, ...prefix, prefixLength: prefixLength ?? 0 });
  };

  test('merges the heads', () => {
    expect(build([2, 5, 42], 2)().shape).toEqual([2, 5, 14]);
  });

  test.each([
    ['heads that do not divide the width', build([1, 5, 48], 5)],
    ['a head of more than 128', build([1, 5, 3 * 132], 1)],
    ['no rows', build([1, 0, 48], 2)],
    ['two dimensions', build([5, 48], 2)],
    ['a prefix that is missing', build([1, 5, 48], 2, undefined, 3)],
    ['a prefix that is too short', build([1, 5, 48], 2, [1, 2, 48], 3)],
    ['a prefix of another width', build([1, 5, 48], 2, [1, 3, 24], 3)],
    ['a prefix per sequence', build([2, 5, 48], 2, [2, 3, 48], 3)],
  ])('refuses %s', (_, make) => {
    expect(make).toThrow(ShapeError);
  });

  const tensor = (...shape: number[]) => ({ ...f32(...shape), storage: 0 });
  const gpuWith = (workgroupMemory: number): Capabilities => ({
    subgroupSize: 32,
    software: false,
    timestamps: true,
    maxInvocations: 1024,
    workgroupMemory,
    matrixUnits: [],
    roundOperands: false,
  });
  const names = (dispatches: readonly Dispatch[]) =>
    dispatches.map(({ shader }) => path.basename(shader.path, '.wgsl'));
  const forward = (
    length: number,
    capabilities: Capabilities,
    attrs: Partial<AttentionAttrs> = {},
    variant?: string,
  ) =>
    names(
      attentionOp.dispatches({
        attrs: { heads: 2, ...attrs },
        inputs: [
          tensor(1, length, 3 * 128),
          attrs.prefixLength ? tensor(1, attrs.prefixLength, 3 * 128) : undefined,
        ],
        outputs: [tensor(1, length, 128), tensor(1, 2, length)],
        capabilities,
        variant,
      }),
    );

  // 3 * 16 rows of 17 vectors and 16 * 4 vectors of scores fit beside the lanes' 128 vectors, those of 17 do not.
  test.each([
    ['the longest sequence in the guaranteed memory', 16, 16384, {}, ['attention_sequence']],
    ['one more', 17, 16384, {}, ['attention']],
    ['more memory', 17, 32768, {}, ['attention_sequence']],
    ['the longest in 48 KiB', 46, 49152, {}, ['attention_sequence']],
    ['one more: tiles', 47, 49152, {}, ['attention_tile']],
    ['V-V, smaller tiles', 33, 32768, { source: 'vv' as const }, ['attention_tile']],
    ['V-V, too little memory for tiles', 33, 16384, { source: 'vv' as const }, ['attention']],
    ['a prefix counts', 9, 16384, { prefixLength: 9 }, ['attention_sequence']],
    ['a long prefix', 9, 16384, { prefixLength: 12 }, ['attention']],
    ['V-V, long enough for tiles', 33, 49152, { source: 'vv' as const }, ['attention_tile']],
    ['V-V, too short for tiles', 32, 49152, { source: 'vv' as const }, ['attention']],
  ])('the kernel on a GPU: %s', (_, length, memory, attrs, shaders) => {
    expect(forward(length, gpuWith(memory), attrs)).toEqual(shaders);
  });

  test('a variant that does not suit the call gives way', () => {
    expect(forward(1370, gpuWith(49152), {}, 'sequence')).toEqual(['attention']);
    expect(forward(9, gpuWith(49152), {}, 'direct')).toEqual(['attention']);
    expect(forward(9, { ...gpuWith(49152), software: true })).toEqual(['attention_subgroup']);
  });

  /** The shaders that a gradient's dispatches are made of, on an adapter. */
  const backward = (wrt: 'qkv' | 'prefix' | 'both', capabilities: Capabilities, length = 5) => {
    const g = createGraph();
    const qkv = g.input('qkv', f32(2, length, 48));
    const prefix = g.input('prefix', f32(1, 4, 48));
    const out = attention(g, qkv, { heads: 2, causal: true, prefix, prefixLength: 3 });
    const before = g.nodes.length;
    const leaves = { qkv: [qkv], prefix: [prefix], both: [qkv, prefix] }[wrt];
    gradient(g, sumAll(g, out), leaves);
    return g.nodes
      .slice(before)
      .filter(({ op }) => op.name.startsWith('attention_'))
      .flatMap((node) => names(node.op.dispatches({ ...node, capabilities })));
  };

  test('a short sequence has one dispatch for its gradient, and a sum for the prefix', () => {
    expect(backward('both', gpuWith(16384))).toEqual(['attention_sequence_grad', 'attention_prefix_sum']);
    expect(backward('qkv', gpuWith(16384))).toEqual(['attention_sequence_grad']);
  });

  test('long sequences have tiles, as many rows as the workgroup memory holds', () => {
    const shaders = ['attention_statistics', 'attention_tile_grad_query', 'attention_tile_grad_key'];
    expect(backward('qkv', gpuWith(49152), 300)).toEqual(shaders);
    expect(backward('qkv', gpuWith(32768), 300)).toEqual(shaders);
    expect(backward('qkv', { ...gpuWith(49152), software: true }, 300)[1]).toBe(
      'attention_grad_query_subgroup',
    );
    const rows = [16384, 23168, 30720, 37632, 44032].map((memory) => [
      tileRows(gpuWith(memory)),
      gradientTileRows({ capabilities: gpuWith(memory) }, 300, 64),
    ]);
    expect(rows).toEqual([
      [0, 0],
      [32, 0],
      [32, 16],
      [64, 16],
      [64, 32],
    ]);
    expect(gradientTileRows({ capabilities: gpuWith(49152) }, 300, 80)).toBe(0); // longer rows than a tile has
  });

  test('computes only the gradients that are needed', () => {
    const long = (wrt: 'qkv' | 'prefix' | 'both') => backward(wrt, gpuWith(16384), 300);
    const own = ['attention_statistics', 'attention_grad_query', 'attention_grad_key'];
    expect(long('qkv')).toEqual(own);
    expect(long('prefix')).toEqual(['attention_statistics', 'attention_grad_key', 'attention_prefix_sum']);
    expect(long('both')).toEqual([...own, 'attention_grad_key', 'attention_prefix_sum']);
  });

  const pairShaders = (length: number, capabilities: Capabilities) =>
    names(
      attentionPairOp.dispatches({
        attrs: { heads: 2 },
        inputs: [tensor(1, length, 3 * 128)],
        outputs: [0, 1].flatMap(() => [tensor(1, length, 128), tensor(1, 2, length)]),
        capabilities,
      }),
    );

  test('both attentions of long sequences are one dispatch on a GPU', () => {
    expect(pairShaders(1370, gpuWith(49152))).toEqual(['attention_tile']);
    expect(pairShaders(1370, gpuWith(16384))).toEqual(['attention', 'attention']);
    expect(pairShaders(9, gpuWith(49152))).toEqual(['attention_sequence', 'attention']);
    expect(pairShaders(1370, { ...gpuWith(49152), software: true })).toEqual([
      'attention_subgroup',
      'attention_subgroup',
    ]);
  });

  test('a software adapter keeps heads of 32 in registers', () => {
    const software = { ...gpuWith(49152), software: true, subgroupSize: 8 };
    const call = (length: number) => ({
      attrs: { heads: 2 },
      inputs: [tensor(1, length, 3 * 64)],
      outputs: [tensor(1, length, 64), tensor(1, 2, length)],
      capabilities: software,
    });
    const of = (length: number) => attentionOp.dispatches(call(length))[0]!;
    expect(names([of(65)])).toEqual(['attention_32']);
    // 65 rows of two heads, 24 to a workgroup; 12 rows, 16 to a workgroup.
    expect([of(65).overrides?.ROWS, of(65).workgroups]).toEqual([3, [6, 1]]);
    expect([of(12).overrides?.ROWS, of(12).workgroups]).toEqual([2, [2, 1]]);
  });

  // A software adapter compiles tiles for most of a minute.
  const compiled = ['subgroup', 'direct', 'sequence', ...(process.env.FAPROMPT_TEST_GPU ? ['tile'] : [])];
  test.each(compiled)('%s: the same bits twice', async (variant) => {
    const gpu = await testGpu();
    const g = createGraph();
    const qkv = g.input('qkv', f32(9, 7, 3 * 32));
    const prefix = g.input('prefix', f32(1, 6, 3 * 32));
    const out = attention(g, qkv, { heads: 2, causal: true, prefix, prefixLength: 5 });
    const [dqkv, dprefix] = gradient(g, sumAll(g, multiply(g, out, out)), [qkv, prefix]);
    const executable = await compile(
      gpu,
      g,
      { out, dqkv: dqkv!, dprefix: dprefix! },
      {
        variants: { attention: variant, attention_grad: variant },
      },
    );
    const { normal } = numbers(5);
    const feeds = {
      qkv: Float32Array.from({ length: 9 * 7 * 96 }, normal),
      prefix: Float32Array.from({ length: 6 * 96 }, normal),
    };
    const once = await executable.run(feeds, ['out', 'dqkv', 'dprefix']);
    const again = await executable.run(feeds, ['out', 'dqkv', 'dprefix']);
    executable.dispose();
    expect(once.dprefix!.some((x) => x !== 0)).toBe(true);
    expect(again).toEqual(once);
  });
});
