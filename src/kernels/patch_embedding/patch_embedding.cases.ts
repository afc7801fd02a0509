import { type Case, defineOpTest } from '../op-test.ts';
import { patchifyReference } from './patch_embedding.ref.ts';
import { type PatchifyAttrs, patchifyOp } from './patch_embedding.ts';

const images = (name: string, patch: number, ...shape: number[]): Case<PatchifyAttrs> => ({
  name,
  attrs: { patch },
  inputs: [{ shape }],
});

const cases = [
  images('one', 1, 1, 1, 1, 1),
  images('8', 8, 2, 3, 16, 16),
  images('14', 14, 1, 3, 28, 28),
  images('7, odd', 7, 1, 3, 21, 21),
  images('oblong', 5, 3, 2, 10, 35),
  images('more pixels', 14, 2, 3, 126, 140),
];

export const patchEmbeddingTest = defineOpTest({ op: patchifyOp, reference: patchifyReference, cases });
