// Learnables in parts of their first dimension, where one would be larger than a buffer may be on every adapter: in files
// and checkpoints they are whole.
import type { Shape } from '../../kernels/tensor.ts';

/** Name of a learnable -> number of its parts, which divides its first dimension; those that are whole are not there. */
export type Parts = ReadonlyMap<string, number>;

export const wholes: Parts = new Map();

/** Name of a part, from 0. */
export const partName = (name: string, part: number): string => `${name}/${part}`;

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Shapes of what is held. */
export const splitShapes = (shapes: ReadonlyMap<string, Shape>, parts: Parts): Map<string, Shape> =>
  new Map(
    [...shapes].flatMap(([name, shape]): [string, Shape][] => {
      const count = parts.get(name) ?? 1;
      if (count === 1) return [[name, shape]];
      const own = [shape[0]! / count, ...shape.slice(1)];
      return range(count).map((i) => [partName(name, i), own]);
    }),
  );

/** Values of what is held: views, not copies. */
export const splitValues = (
  values: ReadonlyMap<string, Float32Array>,
  parts: Parts,
): Map<string, Float32Array> =>
  new Map(
    [...values].flatMap(([name, all]): [string, Float32Array][] => {
      const count = parts.get(name) ?? 1;
      if (count === 1) return [[name, all]];
      const length = all.length / count;
      return range(count).map((i) => [partName(name, i), all.subarray(i * length, (i + 1) * length)]);
    }),
  );

/** The way back. */
export function joinValues(
  values: ReadonlyMap<string, Float32Array>,
  parts: Parts,
): Map<string, Float32Array> {
  const found = new Map(values);
  for (const [name, count] of parts) {
    const own = range(count).flatMap((i) => values.get(partName(name, i)) ?? []);
    if (own.length !== count) continue;
    const all = new Float32Array(own.reduce((sum, { length }) => sum + length, 0));
    own.forEach((part, i) => {
      all.set(part, i * part.length);
      found.delete(partName(name, i));
    });
    found.set(name, all);
  }
  return found;
}
