// All photographs with heat, outlines, score and verdict on them, in one ZIP with the table.
import type { Remote } from 'comlink';
import { download, stem } from '../core/download.ts';
import type { Archive } from '../studio/archive.ts';
import { studio } from '../studio/studio.ts';
import { type Context, limitOf, lookAt } from './exports.ts';
import type { Photo } from './photo.ts';
import { table } from './table.ts';

export interface Saving {
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

export async function savePictures(
  photos: readonly Photo[],
  context: Context,
  { signal, progress }: Saving,
): Promise<void> {
  const done = photos.filter(({ state }) => state.peek().kind === 'done');
  const names = await studio().distinctNames(done.map(({ name }) => `${stem(name)}.jpg`));
  const archive = (await studio().openArchive()) as unknown as Remote<Archive>;
  for (const [i, photo] of done.entries()) {
    signal.throwIfAborted();
    progress(i, done.length);
    const picture = await captioned(photo, context);
    if (picture) await archive.add(`pictures/${names[i]}`, picture);
  }
  await archive.add('results.csv', await table(photos, context));
  download(`faprompt-${done.length}-pictures.zip`, await archive.finish());
}

async function captioned(photo: Photo, context: Context): Promise<Blob | undefined> {
  const map = await context.photos.map(photo);
  const state = photo.state.peek();
  const reading = context.judging.reading(photo);
  if (!map || state.kind !== 'done' || !reading) return undefined;
  const limit = limitOf(photo, context);
  return studio().captioned(photo.file, map, lookAt(photo, context), {
    verdict: reading.verdict,
    text: `${state.result.score.toFixed(3)}${limit ? ` (limit ${limit.value.toFixed(3)})` : ''}  ${photo.name}`,
    tone: reading.tone,
  });
}
