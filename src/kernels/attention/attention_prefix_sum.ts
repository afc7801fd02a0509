import { spread } from '../grid.ts';
import type { Op } from '../op.ts';
import { elements, f32, ShapeError } from '../tensor.ts';
import shader from './attention_prefix_sum.wgsl';
import type { AttentionAttrs } from './layout.ts';

export interface PrefixSumAttrs extends Pick<AttentionAttrs, 'source'> {
  /** Rows of the prefix, of which the first prefixLength are shared. */
  readonly rows: number;
}

/**
 * d prefix [1, rows, 3 D] from what one or two groups of sequences add to it: [sequences, prefixLength, 2 D] each, and an
 * addend as d prefix.
 */
export const prefixSumOp: Op<PrefixSumAttrs> = {
  name: 'attention_prefix_sum',
  addend: 2,
  outputs({ rows }, [shares, more]) {
    const [, length, columns] = shares?.shape ?? [];
    if (shares?.shape.length !== 3 || (more && more.shape.slice(1).join() !== `${length},${columns}`))
      throw new ShapeError(
        'attention_prefix_sum',
        'shares [B, P, 2 D]',
        `[${(more ?? shares)?.shape.join(', ')}]`,
      );
    return [f32(1, rows, (3 * columns!) / 2)];
  },
  dispatches({ attrs: { rows, source }, inputs: [shares, more_shares, addend], outputs: [dprefix] }) {
    const [sequences, prefix_length, columns] = shares!.shape as [number, number, number];
    const width = columns / 2;
    return [
      {
        shader,
        bindings: { shares, more_shares, addend, dprefix },
        uniforms: {
          sequences: [sequences, more_shares?.shape[0] ?? 0],
          prefix_length,
          width,
          rows,
          first_column: source === 'vv' ? 2 * width : width,
        },
        overrides: { WORKGROUP: 128, ADDEND: addend !== undefined },
        workgroups: spread(Math.ceil((rows * 3 * width) / shader.constants.COLUMNS!)),
      },
    ];
  },
  joined(a, b) {
    if (JSON.stringify(a.attrs) !== JSON.stringify(b.attrs)) return undefined;
    const shares = [a, b].flatMap(({ inputs: [own, more] }) => (more ? [own, more] : [own]));
    const addends = [a, b].flatMap(({ inputs: [, , addend] }) => (addend ? [addend] : []));
    if (shares.length > 2 || addends.length > 1) return undefined;
    return { ...a, inputs: [...shares, ...addends] };
  },
  cost: ({ inputs: [shares, more] }) => ({
    flops: elements(shares!.shape) + (more ? elements(more.shape) : 0),
  }),
};
