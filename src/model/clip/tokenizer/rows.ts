// The token embedding of a word tokenizer, for another list of words.

/**
 * Rows by word, start and end of text last.
 * @param table [from.length + 2, width]
 * @param missing [to.length + 2, width]: rows of words that `from` does not have
 */
export function rowsForWords(
  table: Float32Array,
  from: readonly string[],
  to: readonly string[],
  missing: Float32Array,
): Float32Array<ArrayBuffer> {
  const width = table.length / (from.length + 2);
  const places = new Map(from.map((word, row) => [word, row]));
  const rows = new Float32Array(missing);
  const copy = (row: number, place: number) =>
    rows.set(table.subarray(place * width, (place + 1) * width), row * width);
  for (const [row, word] of to.entries()) {
    const place = places.get(word);
    if (place !== undefined) copy(row, place);
  }
  for (const special of [0, 1]) copy(to.length + special, from.length + special);
  return rows;
}
