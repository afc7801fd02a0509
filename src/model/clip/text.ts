// CLIP's text encoder, with FAPrompt's learnable layer tokens and with a prefix that many sequences share.
import { attention } from '../../kernels/attention/attention.ts';
import { add } from '../../kernels/elementwise/elementwise.ts';
import { gatherRows } from '../../kernels/gather/gather.ts';
import { matmul } from '../../kernels/matmul/matmul.ts';
import { replaceRows } from '../../kernels/replace_rows/replace_rows.ts';
import { slice } from '../../kernels/slice/slice.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import { isBlip } from '../blip/config.ts';
import type { Context } from '../context.ts';
import type { ClipConfig } from './config.ts';
import { attentionOut, layerNorm, mlp, queryKeyValue } from './transformer.ts';

export interface TextInput {
  /** Token embeddings without positions: [P, L, D]. Row r stands at position start + r. */
  readonly embeddings: Tensor;
  /** Position of the first row: 0, or the length of the shared prefix. */
  readonly start: number;
  /** Position of the end token, whose feature is the text's; or the row of each text's end, i32 [P, 1]. */
  readonly end: number | Tensor;
  /** The packed q, k, v of each block for a sequence [1, >= start, 3 D] whose first `start` rows precede every text. */
  readonly prefix?: readonly Tensor[];
  /** Learnable tokens [n, D]: number i replaces positions 1..n of the input of block i + 1. */
  readonly layerTokens?: readonly Tensor[];
  /** Name for recorded intermediates. */
  readonly name: string;
}

export interface TextFeatures {
  /** Text features, not normalised: [P, E]. */
  readonly features: Tensor;
  /** q, k, v of every block, for texts that share this one's beginning. */
  readonly keys: readonly Tensor[];
}

/** Encodes texts; attention is causal, so rows after the end token may be left out. */
export function encodeText(context: Context, input: TextInput, config: ClipConfig): TextFeatures {
  if (isBlip(config)) throw new RangeError("this method needs a CLIP's text encoder, found a BLIP's");
  const { graph, weight, record } = context;
  const { embeddings, start, end, prefix, layerTokens = [], name } = input;
  const [texts, length] = embeddings.shape as [number, number];
  const positions = slice(graph, weight('positional_embedding'), { axis: 0, start, end: start + length });
  const endRows = (t: Tensor): Tensor =>
    typeof end === 'number'
      ? slice(graph, t, { axis: 1, start: end - start, end: end - start + 1 })
      : gatherRows(graph, t, end);
  let x = record(`${name}/in`, add(graph, embeddings, positions));
  let ends = x;
  const keys: Tensor[] = [];
  for (let i = 0; i < config.textLayers; i += 1) {
    const tokens = layerTokens[i - 1];
    if (tokens) x = replaceTokens(context, x, tokens, start);
    const block = `transformer.resblocks.${i}`;
    const qkv = queryKeyValue(context, x, block);
    keys.push(qkv);
    const shared = prefix ? { prefix: prefix[i]!, prefixLength: start } : {};
    const attended = attention(graph, qkv, { heads: config.textHeads, causal: true, ...shared });
    const added = attentionOut(context, attended, x, block);
    const rest = (rows: Tensor): Tensor => mlp(context, rows, block, config.activation);
    // Behind the last attention only the end tokens' rows are read: all others are for whoever asks for the record.
    if (i === config.textLayers - 1) ends = record(`${name}/end`, rest(endRows(added)));
    x = record(`${name}/layer${i}`, rest(added));
  }
  const last = graph.view(ends, [texts, config.textWidth]);
  const features = matmul(graph, layerNorm(context, last, 'ln_final'), weight('text_projection'));
  return { features: record(`${name}/feat`, features), keys };
}

/** Puts `tokens` [n, D] at positions 1..n of x [P, L, D], whose first row stands at position `start`. */
function replaceTokens({ graph }: Context, x: Tensor, tokens: Tensor, start: number): Tensor {
  const length = x.shape[1]!;
  const from = Math.max(1, start);
  // Rows after the end token may have been left out, and with them the tokens that would stand there.
  const until = Math.min(tokens.shape[0]! + 1, start + length);
  if (until <= from) return x;
  return replaceRows(graph, x, tokens, { start: from - start, count: until - from, first: from - 1 });
}
