// Class features of windows of patches (WinCLIP, section 4.2): each is encoded alone, as a short sequence.
import { attention } from '../../kernels/attention/attention.ts';
import { gatherRows } from '../../kernels/gather/gather.ts';
import { l2norm } from '../../kernels/l2norm/l2norm.ts';
import { matmul } from '../../kernels/matmul/matmul.ts';
import { concat } from '../../kernels/slice/slice.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import type { Context } from '../context.ts';
import type { ClipConfig } from './config.ts';
import { attentionOut, classRow, layerNorm, mlp, queryKeyValue } from './transformer.ts';

/** Token rows of an image that are encoded together, so that the MLP's hidden rows stay within a binding of the smallest adapters. */
const rowsAtOnce = 4096;

/**
 * The patch numbers of each side x side window, stride 1: corners and members in row-major order, side^2 a window.
 */
export function windowIndex(grid: number, side: number): number[][] {
  const along = Array.from({ length: Math.max(0, grid - side + 1) }, (_, i) => i);
  const inside = Array.from({ length: side }, (_, i) => i);
  return along.flatMap((y) =>
    along.map((x) => inside.flatMap((dy) => inside.map((dx) => (y + dy) * grid + x + dx))),
  );
}

/**
 * Windows are gathered, not masked: the class token with its own position and the window's patches with theirs, through
 * ln_pre and all blocks, the ordinary stream alone. Exact, and a fraction of the work.
 * @param tokens class token and patches with positions, before ln_pre: [B, 1 + grid^2, D]
 * @returns unit class features, with ln_post: [B, W, E]
 */
export function windowFeatures(
  context: Context,
  tokens: Tensor,
  config: ClipConfig,
  { grid, side }: { readonly grid: number; readonly side: number },
): Tensor {
  const { graph, record } = context;
  const batch = tokens.shape[0]!;
  const length = 1 + side * side;
  const windows = windowIndex(grid, side);
  const chunk = Math.max(1, Math.floor(rowsAtOnce / length));
  const parts: Tensor[] = [];
  for (let start = 0; start < windows.length; start += chunk) {
    const some = windows.slice(start, start + chunk);
    const rows = some.flatMap((window) => [0, ...window.map((patch) => patch + 1)]);
    const index = Int32Array.from({ length: batch * rows.length }, (_, i) => rows[i % rows.length]!);
    const constant = graph.constant(`window${side}/index`, index, [batch, rows.length]);
    const gathered = gatherRows(graph, tokens, constant);
    const sequences = graph.view(gathered, [batch * some.length, length, config.visionWidth]);
    const features = classFeature(context, sequences, config);
    parts.push(graph.view(features, [batch, some.length, config.embedDim]));
  }
  return record(`window${side}`, parts.length === 1 ? parts[0]! : concat(graph, parts, 1));
}

/** @param tokens before ln_pre [N, L, D], the class token first. @returns unit vectors [N, E] */
function classFeature(context: Context, tokens: Tensor, config: ClipConfig): Tensor {
  const { graph, weight } = context;
  let x = layerNorm(context, tokens, 'visual.ln_pre');
  for (let i = 0; i < config.visionLayers; i += 1) {
    const block = `visual.transformer.resblocks.${i}`;
    const results = attention(graph, queryKeyValue(context, x, block), { heads: config.visionHeads });
    const attended = attentionOut(context, results, x, block);
    // Behind the last attention only the class token is read.
    const rows = i === config.visionLayers - 1 ? classRow(context, attended) : attended;
    x = mlp(context, rows, block, config.activation);
  }
  const token = graph.view(x, [x.shape[0]!, config.visionWidth]);
  const normed = layerNorm(context, token, 'visual.ln_post');
  return l2norm(graph, matmul(graph, normed, weight('visual.proj')));
}
