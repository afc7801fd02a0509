// FiLO's decoder (forward.ts has the equations): linear layers and sums of convolutions from taps to maps.
import { conv2d } from '../../../kernels/conv2d/conv2d.ts';
import { add } from '../../../kernels/elementwise/elementwise.ts';
import { l2norm } from '../../../kernels/l2norm/l2norm.ts';
import { linear, matmul } from '../../../kernels/matmul/matmul.ts';
import { mergeKernels } from '../../../kernels/merge_kernels/merge_kernels.ts';
import { concat, slice } from '../../../kernels/slice/slice.ts';
import { softmax } from '../../../kernels/softmax/softmax.ts';
import type { Tensor } from '../../../kernels/tensor.ts';
import type { ClipConfig } from '../../clip/config.ts';
import type { Context } from '../../context.ts';
import { upsampleAligned } from '../align-corners.ts';
import { type Parts, partName, wholes } from '../parts.ts';

/** How the forward gets at a learnable. */
export type Get = (name: string) => Tensor;

/** The kernels whose convolutions are summed, the largest first: name in the checkpoints, height, width. */
export const filoKernels = [
  ['77', 7, 7],
  ['11', 1, 1],
  ['33', 3, 3],
  ['55', 5, 5],
  ['15', 1, 5],
  ['51', 5, 1],
] as const;
const padding = [3, 3] as const;

/** The convolution of a depth: kernels [7, 7, E / parts, D] of so many output channels each, one after the other; bias [E]. */
export interface FiloConvolution {
  readonly kernels: readonly Tensor[];
  readonly bias: Tensor;
}

/** What a merged kernel may take, in bytes: a little less than the 128 MiB that every adapter allows a buffer. */
const largestKernel = 96 * 2 ** 20;

/** Parts of a depth's output channels, so that the kernel of each fits into a buffer: 2 of ViT-L/14's 768. */
export function filoParts({ embedDim, visionWidth }: ClipConfig, largest = largestKernel): number {
  const whole = 4 * 49 * embedDim * visionWidth;
  for (let parts = 1; parts < embedDim; parts++)
    if (embedDim % parts === 0 && whole / parts <= largest) return parts;
  return embedDim;
}

/** The learnables that are held in parts. */
export const kernelParts = (convolutions: number, parts: number): Parts =>
  parts === 1
    ? wholes
    : new Map(
        filoKernels.flatMap(([name]) =>
          Array.from(
            { length: convolutions },
            (_, i) => [`decoder_cov.fc_${name}.${i}.weight`, parts] as const,
          ),
        ),
      );

/** The six kernels of a depth as one, part by part: the same sums, in half the products. */
export const mergedConvolution = (
  { graph }: Context,
  i: number,
  get: Get,
  parts: number,
): FiloConvolution => ({
  kernels: Array.from({ length: parts }, (_, part) =>
    mergeKernels(
      graph,
      filoKernels.map(([name]) => {
        const whole = `decoder_cov.fc_${name}.${i}.weight`;
        return get(parts === 1 ? whole : partName(whole, part));
      }),
    ),
  ),
  bias: filoKernels
    .map(([name]) => get(`decoder_cov.fc_${name}.${i}.bias`))
    .reduce((sum, bias) => add(graph, sum, bias)),
});

export interface FiloDecoder {
  readonly get: Get;
  readonly convolutions: readonly FiloConvolution[];
  /** Side of the maps in pixels. */
  readonly size: number;
}

/**
 * Probability maps of the taps, those of linear layers first: each [1, 2, S, S].
 * @param taps patch tokens [1, n, D]
 * @param text [2, E]
 */
export function filoMaps(
  context: Context,
  taps: readonly Tensor[],
  text: Tensor,
  { get, convolutions, size }: FiloDecoder,
): Tensor[] {
  const { graph, record } = context;
  const order = [...taps.keys()].sort((a, b) => (a % 2) - (b % 2) || a - b);
  return order.map((k, map) => {
    const tap = taps[k]!;
    const [, n, width] = tap.shape as [number, number, number];
    const grid = Math.sqrt(n);
    const i = Math.floor(k / 2);
    const project = (): Tensor => {
      if (k % 2 === 0)
        return linear(graph, tap, get(`decoder_linear.fc.${i}.weight`), {
          bias: get(`decoder_linear.fc.${i}.bias`),
        });
      const { kernels, bias } = convolutions[i]!;
      const image = graph.view(tap, [1, grid, grid, width]);
      const each = bias.shape[0]! / kernels.length;
      const z = kernels.map((kernel, part) => {
        const own = slice(graph, bias, { axis: 0, start: part * each, end: (part + 1) * each });
        return graph.view(conv2d(graph, image, kernel, { bias: own, padding }), [1, n, each]);
      });
      return z.length === 1 ? z[0]! : concat(graph, z, 2);
    };
    const unit = graph.view(l2norm(graph, project()), [n, text.shape[1]!]);
    const logits = matmul(graph, text, unit, { transposeB: true, scale: 100 });
    const large = upsampleAligned(context, graph.view(logits, [2, grid, grid]), size);
    return record(`map${map}`, softmax(graph, graph.view(large, [1, 2, size, size]), { axis: 1 }));
  });
}
