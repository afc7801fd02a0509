// Results as files.
import type { DetectorInfo } from '../../src/detector/index.ts';
import { download, stem } from '../core/download.ts';
import type { ModelChoice } from '../engine/choice.ts';
import type { Limit } from '../engine/limit.ts';
import type { Look } from '../studio/heat.ts';
import { studio } from '../studio/studio.ts';
import { type Display, lookOf } from './display.ts';
import type { EachPrompt } from './each-prompt.ts';
import type { Judging } from './judged.ts';
import type { Photo } from './photo.ts';
import type { Photos } from './photos.ts';

export interface Context {
  readonly photos: Photos;
  readonly display: Display;
  readonly judging: Judging;
  readonly each: EachPrompt;
  readonly choice: ModelChoice;
  readonly info: DetectorInfo | undefined;
  readonly limit: Limit | undefined;
}

export const lookAt = (photo: Photo, { display, judging }: Context): Look =>
  lookOf(display, display.stretch.peek().get(photo.id) ?? judging.stretches(photo));

/** Saves the photograph with heat and outlines. */
export async function savePicture(photo: Photo, context: Context): Promise<void> {
  const map = await context.photos.map(photo);
  if (!map) return;
  const picture = await studio().picture(photo.file, map, lookAt(photo, context));
  download(`${stem(photo.name)}.heatmap.png`, picture);
}

/** What the numbers come from. */
export const provenance = ({ choice, info }: Context) => ({
  clip: choice.clip.label,
  sha256: info?.clip.sha256,
  prompts: choice.prompts?.label,
  size: info?.size,
  ...(info?.tiles ? { tiles: info.tiles } : {}),
  notice: info?.clip.notice,
  adapter: info?.adapter,
});

/** What a photograph is held against: nothing where its score is a hint. */
export const limitOf = (photo: Photo, { judging, limit }: Context): Limit | undefined =>
  judging.reading(photo)?.passes === undefined ? undefined : limit;

/** Those that came out. */
const doneAmong = (photos: readonly Photo[]) => photos.filter(({ state }) => state.peek().kind === 'done');

/** The only photograph's name, or how many there are. */
const nameFor = (photos: readonly Photo[]): string =>
  photos.length === 1 ? stem(photos[0]!.name) : `faprompt-${photos.length}-images`;

/** Saves scores, regions and maps of some photographs. */
export async function saveNumbers(photos: readonly Photo[], context: Context): Promise<void> {
  const done = doneAmong(photos);
  if (done.length === 0) return;
  download(`${nameFor(done)}.scores.json`, await numbers(photos, context));
}

/** As scores.json of `faprompt detect`; one image after the other, as a day's maps do not fit into one text. */
export async function numbers(photos: readonly Photo[], context: Context): Promise<Blob> {
  const limit = doneAmong(photos).some((photo) => limitOf(photo, context)) ? context.limit : undefined;
  const failed = photos.flatMap(({ name, state }) => {
    const { value } = state;
    return value.kind === 'failed'
      ? [{ image: name, message: value.problem.detail || value.problem.title }]
      : [];
  });
  const head = {
    model: provenance(context),
    ...(limit ? { threshold: limit.value, limit } : {}),
    ...(failed.length > 0 ? { failed } : {}),
  };
  const parts: Blob[] = [];
  for (const photo of doneAmong(photos)) {
    const described = await describe(photo, context);
    if (described) parts.push(described);
  }
  const opening = JSON.stringify(head).replace(/}$/, ',"images":[');
  const list = parts.flatMap((part, i) => (i === 0 ? [part] : [',', part]));
  return new Blob([opening, ...list, ']}\n'], { type: 'application/json' });
}

async function describe(photo: Photo, context: Context): Promise<Blob | undefined> {
  const state = photo.state.peek();
  const map = await context.photos.map(photo);
  if (state.kind !== 'done' || !map) return undefined;
  const { score, width, height } = state.result;
  const passes = context.judging.reading(photo)?.passes;
  const each = context.each.of(photo);
  return studio().numbers(
    {
      image: photo.name,
      width,
      height,
      score,
      ...(passes === undefined ? {} : { anomalous: passes === 'fail' }),
      ...(each
        ? {
            prompts: each.prompts.map(({ contribution, probability, peak }) => ({
              contribution,
              probability,
              mapMax: peak.value,
            })),
          }
        : {}),
    },
    map,
    lookAt(photo, context),
  );
}
