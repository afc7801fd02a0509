/** A matrix [rows, columns] as [columns, rows]. */
export function transposed(
  numbers: Float32Array,
  [rows, columns]: readonly number[],
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(numbers.length);
  for (let i = 0; i < rows!; i += 1)
    for (let k = 0; k < columns!; k += 1) out[k * rows! + i] = numbers[i * columns! + k]!;
  return out;
}
