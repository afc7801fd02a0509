/** Colors of defects; `tints` are factors of the surface's own. */
import type { Color } from '../canvas.ts';

export const stainColors: readonly Color[] = [
  [0.5, 0.36, 0.2],
  [0.28, 0.3, 0.34],
  [0.55, 0.25, 0.3],
  [0.3, 0.42, 0.28],
];

export const tints: readonly Color[] = [
  [1.25, 1.1, 0.45],
  [0.6, 0.9, 1.4],
  [1.4, 0.75, 0.7],
  [0.75, 1.2, 0.7],
  [1.2, 0.75, 1.25],
];

export const foreign: readonly Color[] = [
  [0.1, 0.09, 0.08],
  [0.9, 0.89, 0.84],
  [0.42, 0.3, 0.12],
  [0.3, 0.45, 0.15],
  [0.75, 0.6, 0.2],
];

export const threadColors: readonly Color[] = [
  [0.85, 0.12, 0.15],
  [0.95, 0.95, 0.9],
  [0.1, 0.1, 0.12],
  [0.15, 0.65, 0.3],
  [0.2, 0.3, 0.8],
];

export const inks: readonly Color[] = [
  [0.1, 0.1, 0.14],
  [0.1, 0.25, 0.6],
  [0.65, 0.12, 0.2],
  [0.93, 0.9, 0.75],
];
