import { perItem } from '../grid.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { copyAll } from '../slice/slice.ts';
import { describe, f32, ShapeError, type Tensor } from '../tensor.ts';
import putShader from './put_rows.wgsl';
import takeShader from './take_rows.wgsl';

export interface ReplaceRowsAttrs {
  /** Rows start .. start + count - 1 of every sequence are replaced, */
  readonly start: number;
  readonly count: number;
  /** by the tokens from this one on. */
  readonly first: number;
}

/** Writes tokens into rows of x [P, L, D]. */
export function putRowsDispatch(x: Tensor, tokens: Tensor, attrs: ReplaceRowsAttrs): Dispatch {
  const { start, count, first } = attrs;
  const [sequences, length, width] = x.shape as [number, number, number];
  return {
    shader: putShader,
    bindings: { tokens, out: x },
    uniforms: { sequences, length, width, start, count, first, rows: sequences * count },
    ...perItem(sequences * count * width),
  };
}

/** Moves rows of dx [P, L, D], summed over the sequences, to dtokens, and leaves zeros. */
export function takeRowsDispatch(dx: Tensor, dtokens: Tensor, attrs: ReplaceRowsAttrs): Dispatch {
  const { start, count, first } = attrs;
  const [sequences, length, width] = dx.shape as [number, number, number];
  const tokens = dtokens.shape[0]!;
  return {
    shader: takeShader,
    bindings: { dx, dtokens },
    uniforms: { sequences, length, width, start, count, first, rows: tokens },
    ...perItem(tokens * width),
  };
}

/** out = x with `count` rows of every sequence replaced by tokens. */
export const replaceRowsOp: Op<ReplaceRowsAttrs> = {
  name: 'replace_rows',
  copies: 0,
  outputs({ start, count, first }, [x, tokens]) {
    const [, length = 0, width] = x?.shape ?? [];
    if (x?.dtype !== 'f32' || x.shape.length !== 3)
      throw new ShapeError('replaceRows', 'x f32 [P, L, D]', describe(x));
    if (tokens?.dtype !== 'f32' || tokens.shape.length !== 2 || tokens.shape[1] !== width)
      throw new ShapeError('replaceRows', `tokens f32 [n, ${width}]`, describe(tokens));
    if (
      !(count > 0 && start >= 0 && first >= 0) ||
      start + count > length ||
      first + count > tokens.shape[0]!
    )
      throw new ShapeError(
        'replaceRows',
        `rows within ${describe(x)} and ${describe(tokens)}`,
        `${start} and ${first}, ${count} of them`,
      );
    return [f32(...x.shape)];
  },
  dispatches: ({ attrs, inputs: [x, tokens], outputs: [out] }) => [
    copyAll(x!, out!),
    putRowsDispatch(out!, tokens!, attrs),
  ],
  cost: () => ({ flops: 0 }),
  gradient({ attrs, inputs: [, tokens], upstream: [dout], needs, builder: g }) {
    const [dx, dtokens] = g.apply(takeRowsOp, { ...attrs, tokens: tokens!.shape[0]! }, [dout]);
    return [needs[0] ? dx : undefined, needs[1] ? dtokens : undefined];
  },
};

/** dx: dout with zeros in the rows that were replaced; d tokens: their sums over the sequences. */
export const takeRowsOp: Op<ReplaceRowsAttrs & { readonly tokens: number }> = {
  name: 'replace_rows_grad',
  copies: 0,
  outputs: ({ tokens }, [dout]) => [f32(...dout!.shape), f32(tokens, dout!.shape[2]!)],
  dispatches: ({ attrs, inputs: [dout], outputs: [dx, dtokens] }) => [
    copyAll(dout!, dx!),
    takeRowsDispatch(dx!, dtokens!, attrs),
  ],
  cost: ({ outputs: [dx] }) => ({ flops: dx!.shape[0]! * dx!.shape[2]! }),
};

/**
 * The sequences x with rows start .. start + count - 1 of each replaced by tokens first .. first + count - 1.
 * @param x [P, L, D] @param tokens [n, D]
 * @returns [P, L, D]
 * @throws ShapeError
 */
export const replaceRows = (g: Builder, x: Tensor, tokens: Tensor, attrs: ReplaceRowsAttrs): Tensor =>
  g.apply(replaceRowsOp, attrs, [x, tokens])[0]!;
