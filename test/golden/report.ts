import type { GoldenFolder } from './folder.ts';
import { values } from './folder.ts';

/** Worst errors of a group of comparisons, as fractions of the tolerance. */
export interface Group {
  worst: number;
  worstTensor: string;
  tensors: number;
}

export interface Report {
  readonly groups: ReadonlyMap<string, Group>;
  readonly notes: string[];
  /** Records an error as a fraction of its tolerance. */
  add(group: string, tensor: string, ratio: number): void;
  /** Compares `got` with a tensor of a golden file; `keep` selects elements, `expected` brings it into our form. */
  compare(
    group: string,
    file: string,
    tensor: string,
    got: ArrayLike<number>,
    keep?: (i: number) => boolean,
    expected?: (values: Float32Array) => Float32Array,
  ): Promise<void>;
}

export function createReport(golden: GoldenFolder): Report {
  const groups = new Map<string, Group>();
  const add: Report['add'] = (group, tensor, ratio) => {
    const known = groups.get(group) ?? { worst: -1, worstTensor: '', tensors: 0 };
    known.tensors += 1;
    const value = Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
    if (value > known.worst) Object.assign(known, { worst: value, worstTensor: tensor });
    groups.set(group, known);
  };
  return {
    groups,
    notes: [],
    add,
    async compare(group, file, tensor, got, keep = () => true, expected = (x) => x) {
      const opened = await golden.open(file);
      if (!opened?.tensors.has(tensor)) throw new Error(`${file}: no tensor "${tensor}"`);
      const stored = await values(opened, tensor);
      const want = stored instanceof Float32Array ? expected(stored) : stored;
      if (got.length !== want.length)
        throw new Error(`${file} ${tensor}: expected ${want.length} elements, found ${got.length}`);
      let error = 0;
      for (let i = 0; i < want.length; i += 1) {
        if (!keep(i)) continue;
        const difference = Math.abs(got[i]! - want[i]!);
        error = Math.max(error, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
      }
      const tolerance = golden.tolerance(file, tensor);
      // Integers, and anything without a tolerance, must be equal.
      const ratio = tolerance ? error / tolerance : error === 0 ? 0 : Number.POSITIVE_INFINITY;
      add(group, `${file} ${tensor}`, ratio);
    },
  };
}

/** The report's table and its last line. */
export function formatReport({ groups, notes }: Report): { text: string; worst: number; tensors: number } {
  const rows = [...groups].map(
    ([name, g]) =>
      `${name.padEnd(34)} ${String(g.tensors).padStart(5)}  ${g.worst.toFixed(3).padStart(9)}  ${g.worstTensor}`,
  );
  const worst = Math.max(0, ...[...groups.values()].map((g) => g.worst));
  const tensors = [...groups.values()].reduce((sum, g) => sum + g.tensors, 0);
  const text = [
    `${'group'.padEnd(34)} count  worst/tol  worst tensor`,
    ...rows,
    ...notes.map((note) => `note: ${note}`),
    `worst ${worst.toFixed(4)} of tolerance over ${tensors} tensors`,
  ].join('\n');
  return { text, worst, tensors };
}
