// All results as one table: what stands in its rows.
import { studio } from '../studio/studio.ts';
import type { Row } from '../studio/table.ts';
import type { Context } from './exports.ts';
import { limitOf, provenance } from './exports.ts';
import type { Photo } from './photo.ts';

/** A photograph that could not be read, or was not reached, is in it too: nobody may take it for a good one. */
export function table(photos: readonly Photo[], context: Context): Promise<Blob> {
  const { clip, sha256, prompts, size, tiles } = provenance(context);
  const rows = photos.map((photo): Row => {
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
  return studio().table(rows);
}
