import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { gradient } from '../src/graph/gradient.ts';
import { createGraph } from '../src/graph/graph.ts';
import { attention, attentionOp } from '../src/kernels/attention/attention.ts';
import { sumAll } from '../src/kernels/reduce/reduce.ts';
import { f32, ShapeError } from '../src/kernels/tensor.ts';

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

  test.each([
    ['long enough for tiles', 17, 65536, 'attention_tile.wgsl'],
    ['too short for tiles', 16, 65536, 'attention.wgsl'],
    ['too little workgroup memory', 17, 16384, 'attention.wgsl'],
  ])('the kernel on a GPU: %s', (_, length, workgroupMemory, shader) => {
    const tensor = (...shape: number[]) => ({ ...f32(...shape), storage: 0 });
    const [dispatch] = attentionOp.dispatches({
      attrs: { heads: 2 },
      inputs: [tensor(1, length, 3 * 128), undefined],
      outputs: [tensor(1, length, 128), tensor(1, 2, length)],
      capabilities: {
        subgroupSize: 32,
        software: false,
        timestamps: true,
        maxInvocations: 1024,
        workgroupMemory,
      },
    });
    expect(path.basename(dispatch!.shader.path)).toBe(shader);
  });

  test('computes only the gradients that are needed', () => {
    const g = createGraph();
    const qkv = g.input('qkv', f32(2, 5, 48));
    const prefix = g.input('prefix', f32(1, 4, 48));
    const out = attention(g, qkv, { heads: 2, causal: true, prefix, prefixLength: 3 });
    const forward = g.nodes.length;
    gradient(g, sumAll(g, out), [prefix]);
    const names = g.nodes.slice(forward).map((node) => node.op.name);
    expect(names).toContain('attention_prefix_grad');
    expect(names).not.toContain('attention_grad');
  });
});
