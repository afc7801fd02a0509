// The residual attention block that both of CLIP's encoders are made of (Radford et al., 2021).

import { gelu } from '../../kernels/gelu/gelu.ts';
import { layernorm } from '../../kernels/layernorm/layernorm.ts';
import { linear } from '../../kernels/matmul/matmul.ts';
import { slice } from '../../kernels/slice/slice.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import type { Context } from '../context.ts';
import type { Activation } from './config.ts';

/** LayerNorm with the weights `name`.weight and `name`.bias, epsilon 1e-5. */
export const layerNorm = ({ graph, weight }: Context, x: Tensor, name: string): Tensor =>
  layernorm(graph, x, { weight: weight(`${name}.weight`), bias: weight(`${name}.bias`) });

/** The packed rows [q | k | v] of LN(x): [B, L, D] -> [B, L, 3 D]. */
export function queryKeyValue(context: Context, x: Tensor, block: string): Tensor {
  const { graph, weight } = context;
  const normed = layerNorm(context, x, `${block}.ln_1`);
  return linear(graph, normed, weight(`${block}.attn.in_proj_weight`), {
    bias: weight(`${block}.attn.in_proj_bias`),
  });
}

/** residual + out projection of the attended values: [B, L, D]. */
export const attentionOut = (context: Context, attended: Tensor, residual: Tensor, block: string): Tensor =>
  linear(context.graph, attended, context.weight(`${block}.attn.out_proj.weight`), {
    bias: context.weight(`${block}.attn.out_proj.bias`),
    residual,
  });

/** The first row of each sequence, an image's class token: [B, L, D] -> [B, 1, D]. */
export const classRow = ({ graph }: Context, x: Tensor): Tensor =>
  slice(graph, x, { axis: 1, start: 0, end: 1 });

/**
 * x + MLP(LN(x)), with QuickGELU (fused into the first layer) or GELU in between, as the CLIP was trained.
 *
 * A tower's last block gives it only the rows that are read behind it (an image's class token, a text's end token), in
 * every tower taken here, from the sum that `attentionOut` returns: one slice, whose gradient is one scatter. In front of
 * the projection it would be one of the attended values and one of the residual, for a twelfth of the block's work.
 */
export function mlp(context: Context, x: Tensor, block: string, activation: Activation): Tensor {
  const { graph, weight, training } = context;
  const fused = activation === 'quickgelu' ? ({ activation, saveForBackward: training } as const) : {};
  const first = linear(graph, layerNorm(context, x, `${block}.ln_2`), weight(`${block}.mlp.c_fc.weight`), {
    bias: weight(`${block}.mlp.c_fc.bias`),
    ...fused,
  });
  const hidden = activation === 'gelu' ? gelu(graph, first) : first;
  return linear(graph, hidden, weight(`${block}.mlp.c_proj.weight`), {
    bias: weight(`${block}.mlp.c_proj.bias`),
    residual: x,
  });
}
