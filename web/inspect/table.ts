// All results as one table.
import { stringify } from 'csv-stringify/browser/esm/sync';
import type { Context } from './exports.ts';
import { limitOf, provenance } from './exports.ts';
import type { Photo } from './photos.ts';

const columns = [
  'image',
  'verdict',
  'score',
  'limit',
  'width',
  'height',
  'problem',
  'clip',
  'sha256',
  'prompts',
  'size',
  'tiles',
] as const;

/** A photograph that could not be read, or was not reached, is in it too: nobody may take it for a good one. */
export function table(photos: readonly Photo[], context: Context): Blob {
  const { clip, sha256, prompts, size, tiles } = provenance(context);
  const rows = photos.map((photo) => {
    const state = photo.state.peek();
    const result = state.kind === 'done' ? state.result : undefined;
    const verdict =
      state.kind === 'done'
        ? (context.judging.reading(photo)?.passes ?? 'none')
        : state.kind === 'failed'
          ? 'unreadable'
          : 'not inspected';
    return {
      image: photo.name,
      verdict,
      score: result?.score,
      limit: (state.kind === 'done' ? limitOf(photo, context) : context.limit)?.value,
      width: result?.width,
      height: result?.height,
      problem: state.kind === 'failed' ? (state.problem.text ?? state.problem.title) : undefined,
      clip,
      sha256,
      prompts,
      size,
      tiles: tiles?.count,
    };
  });
  // Names of files that begin with "=" are formulas to a spreadsheet.
  const text = stringify(rows, { header: true, columns: [...columns], escape_formulas: true, bom: true });
  return new Blob([text], { type: 'text/csv' });
}
