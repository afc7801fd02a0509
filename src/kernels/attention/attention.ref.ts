import type { Reference, RefTensor } from '../op-test.ts';
import type { AttentionPairAttrs } from './attention_pair.ts';
import type { PrefixSumAttrs } from './attention_prefix_sum.ts';
import type { AttentionAttrs } from './layout.ts';

type Rows = (sequence: number, row: number, part: number, head: number) => Float64Array;

/** The definition's own view of the operands: one head's part (0 query, 1 key, 2 value) of one row. */
function reader(attrs: AttentionAttrs, qkv: RefTensor, prefix: RefTensor | undefined) {
  const [, length, packed] = qkv.shape as [number, number, number];
  const width = packed / 3;
  const d = width / attrs.heads;
  const shared = attrs.prefixLength ?? 0;
  const offset = (part: number, head: number) => (attrs.source === 'vv' ? 2 : part) * width + head * d;
  const own: Rows = (b, i, part, head) => {
    const start = (b * length + i) * packed + offset(part, head);
    return qkv.data.subarray(start, start + d);
  };
  /** Row j of what the queries of sequence b may see: the prefix, then the sequence's own rows. */
  const seen: Rows = (b, j, part, head) => {
    if (j >= shared) return own(b, j - shared, part, head);
    const start = j * packed + offset(part, head);
    return prefix!.data.subarray(start, start + d);
  };
  return { length, width, d, shared, own, seen };
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, k) => sum + x * b[k]!, 0);
const addTo = (to: Float64Array, scale: number, x: Float64Array) => {
  for (let k = 0; k < to.length; k += 1) to[k]! += scale * x[k]!;
};

/** Every query's softmax probabilities, and the log of their normaliser. */
function* probabilities(attrs: AttentionAttrs, qkv: RefTensor, prefix: RefTensor | undefined) {
  const { length, d, shared, own, seen } = reader(attrs, qkv, prefix);
  for (let b = 0; b < qkv.shape[0]!; b += 1) {
    for (let head = 0; head < attrs.heads; head += 1) {
      for (let i = 0; i < length; i += 1) {
        const count = shared + (attrs.causal ? i + 1 : length);
        const q = own(b, i, 0, head);
        const scores = Float64Array.from(
          { length: count },
          (_, j) => dot(q, seen(b, j, 1, head)) / Math.sqrt(d),
        );
        const top = scores.reduce((x, y) => Math.max(x, y));
        const lse = top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
        yield { b, head, i, lse, p: scores.map((s) => Math.exp(s - lse)) };
      }
    }
  }
}

export const attentionReference: Reference<AttentionAttrs> = {
  forward(attrs, [qkv, prefix]) {
    const { length, width, d, seen } = reader(attrs, qkv!, prefix);
    const sequences = qkv!.shape[0]!;
    const out = new Float64Array(sequences * length * width);
    const logSumExp = new Float64Array(sequences * attrs.heads * length);
    for (const { b, head, i, lse, p } of probabilities(attrs, qkv!, prefix)) {
      const start = (b * length + i) * width + head * d;
      p.forEach((weight, j) => {
        addTo(out.subarray(start, start + d), weight, seen(b, j, 2, head));
      });
      logSumExp[(b * attrs.heads + head) * length + i] = lse;
    }
    return [
      { shape: [sequences, length, width], data: out },
      { shape: [sequences, attrs.heads, length], data: logSumExp },
    ];
  },
  backward(attrs, [qkv, prefix], [dout]) {
    const { length, width, d, own, seen } = reader(attrs, qkv!, prefix);
    const dqkv = { shape: qkv!.shape, data: new Float64Array(qkv!.data.length) };
    const dprefix = prefix && { shape: prefix.shape, data: new Float64Array(prefix.data.length) };
    const into = reader(attrs, dqkv, dprefix);
    for (const { b, head, i, p } of probabilities(attrs, qkv!, prefix)) {
      const start = (b * length + i) * width + head * d;
      const g = dout!.data.subarray(start, start + d);
      const dp = p.map((_, j) => dot(g, seen(b, j, 2, head)));
      const mean = dot(p, dp);
      p.forEach((weight, j) => {
        const ds = (weight * (dp[j]! - mean)) / Math.sqrt(d);
        addTo(into.own(b, i, 0, head), ds, seen(b, j, 1, head));
        addTo(into.seen(b, j, 1, head), ds, own(b, i, 0, head));
        addTo(into.seen(b, j, 2, head), weight, g);
      });
    }
    return [dqkv, dprefix];
  },
};

/** Both attentions, one after the other. */
export const attentionPairReference: Reference<AttentionPairAttrs> = {
  forward: ({ heads }, inputs) => [
    ...attentionReference.forward({ heads }, inputs),
    ...attentionReference.forward({ heads, source: 'vv' }, inputs),
  ],
  backward({ heads }, inputs, [dout, , doutVv]) {
    const [ordinary] = attentionReference.backward!({ heads }, inputs, [dout]);
    const [vv] = attentionReference.backward!({ heads, source: 'vv' }, inputs, [doutVv]);
    return [{ shape: ordinary!.shape, data: ordinary!.data.map((x, i) => x + vv!.data[i]!) }];
  },
};

/** The attention of the sequences, then that of the whole prefix. */
export const attentionBesideReference: Reference<AttentionAttrs> = {
  forward: ({ prefixLength, ...attrs }, [qkv, prefix]) => [
    ...attentionReference.forward({ ...attrs, ...(prefixLength ? { prefixLength } : {}) }, [qkv, prefix]),
    ...attentionReference.forward(attrs, [prefix]),
  ],
};

export const prefixSumReference: Reference<PrefixSumAttrs> = {
  forward({ rows, source }, [shares, more, addend]) {
    const [, length, columns] = shares!.shape as [number, number, number];
    const width = columns / 2;
    const out = { shape: [1, rows, 3 * width], data: new Float64Array(rows * 3 * width) };
    if (addend) out.data.set(addend.data);
    for (const part of more ? [shares!, more] : [shares!])
      part.data.forEach((value, i) => {
        const column = i % columns;
        if (source === 'vv' && column < width) return;
        out.data[(Math.floor(i / columns) % length) * 3 * width + width + column]! += value;
      });
    return [out];
  },
};
