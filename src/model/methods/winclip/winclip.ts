// WinCLIP, zero-shot (Jeong et al., CVPR 2023; the forms of zqhang/Accurate-WinCLIP-pytorch).
//
//   t_s = u(mean_i E_text(w_i))                                 mean of features as they are
//   p(f) = softmax([f t_n, f t_a] / 0.07)_a
//   z0 = p(class feature of the image)                          the image score
//   H_s(q) = N_s(q) / sum over windows w of scale s around q of 1 / p(F_s[w])
//   M(q) = 3 / (1 / H_2(q) + 1 / H_3(q) + 1 / z0), upsampled bilinearly, not smoothed
//
// F_s: class features of s x s windows of patches, each encoded alone (clip/windows.ts).

import { add, affine, divide } from '../../../kernels/elementwise/elementwise.ts';
import { matmul } from '../../../kernels/matmul/matmul.ts';
import { resizeBilinear } from '../../../kernels/resize_bilinear/resize_bilinear.ts';
import type { Tensor } from '../../../kernels/tensor.ts';
import { clipNeeds } from '../../clip/needs.ts';
import { windowIndex } from '../../clip/windows.ts';
import type { Context } from '../../context.ts';
import { abnormalChannel, probabilities } from '../../faprompt/similarity.ts';
import type { ValueKind } from '../../value-kinds.ts';
import { type Method, methodHead } from '../method.ts';
import { optionsFamily } from '../option-values.ts';
import { namesClass, promptKinds, type WrittenPrompts } from '../written.ts';
import { writtenScorer } from '../written-scorer.ts';
import prompts from './prompts.json' with { type: 'json' };

export interface WinclipOptions extends WrittenPrompts {
  /** Sides of the windows in patches. */
  readonly windows: readonly number[];
}

/** 7 normal states, 4 abnormal ones, 22 templates. */
export const winclipDefaults: WinclipOptions = {
  ...prompts,
  object: '{class}',
  temperature: 0.07,
  windows: [2, 3],
};

const kinds: Record<keyof WinclipOptions, ValueKind> = {
  ...promptKinds,
  windows: { kind: 'counts', min: 1 },
};

/** Which windows hold a patch, divided by how many do: [n, W]. */
function coverage(grid: number, side: number): Float32Array {
  const windows = windowIndex(grid, side);
  const counts = new Float64Array(grid * grid);
  for (const window of windows) for (const patch of window) counts[patch]! += 1;
  const matrix = new Float32Array(grid * grid * windows.length);
  for (const [w, window] of windows.entries())
    for (const patch of window) matrix[patch * windows.length + w] = 1 / counts[patch]!;
  return matrix;
}

export interface WinclipSettings extends Pick<WinclipOptions, 'windows' | 'temperature'> {
  /** Patches along a side. */
  readonly grid: number;
  /** Side of the map in pixels. */
  readonly size: number;
}

/**
 * @param features `image` [B, E] and `window2` [B, W, E] ..., unit vectors
 * @param prototypes [1, 2, E]
 */
export function winclipForward(
  context: Context,
  features: Readonly<Record<string, Tensor>>,
  prototypes: Tensor,
  { windows, temperature, grid, size }: WinclipSettings,
): { readonly score: Tensor; readonly map: Tensor } {
  const { graph, record } = context;
  const [images, width] = features.image!.shape as [number, number];
  const one = graph.constant('one', Float32Array.of(1), [1]);
  const inverse = (x: Tensor) => divide(graph, one, x);
  const of = (rows: Tensor) =>
    abnormalChannel(context, probabilities(context, rows, prototypes, temperature));

  const z0 = record('z0', of(graph.view(features.image!, [images, 1, width])));
  let sum: Tensor = inverse(z0);
  for (const side of windows) {
    const p = record(`win${side}/prob`, of(features[`window${side}`]!));
    const cover = graph.constant(`cover${side}`, coverage(grid, side), [grid * grid, p.shape[1]!]);
    const harmonic = matmul(graph, inverse(p), cover, { transposeB: true });
    record(`win${side}/harmonic`, inverse(harmonic));
    sum = add(graph, harmonic, sum);
  }
  const multiscale = record('multiscale', affine(graph, inverse(sum), windows.length + 1));
  const map = resizeBilinear(graph, graph.view(multiscale, [images, grid, grid]), {
    height: size,
    width: size,
  });
  return { score: graph.view(z0, [images]), map: record('map', map) };
}

export const winclip = (name: string, title: string, options: WinclipOptions): Method => ({
  ...methodHead('winclip', name, title, options),
  namesClass: namesClass(options),
  needs: () => ({ ...clipNeeds, patches: 'none', windows: options.windows, positions: 'bicubic-antialias' }),
  scorer(setup) {
    const { size, clip } = setup;
    const settings = { ...options, size, grid: size / clip.config.patch };
    return writtenScorer(
      setup,
      options,
      { mean: 'raw', underscores: 'keep' },
      (context, features, prototypes) => ({
        ...winclipForward(context, features, prototypes, settings),
        parameters: [],
      }),
    );
  },
});

export const winclipFamily = optionsFamily('winclip', kinds, winclipDefaults, winclip);
