// The day's work as one file.
import type { Remote } from 'comlink';
import type { FileSource } from '../../src/detector/index.ts';
import { type ModelChoice, writtenObject } from '../engine/choice.ts';
import type { Engine } from '../engine/engine.ts';
import type { Photo } from '../inspect/photo.ts';
import type { Photos } from '../inspect/photos.ts';
import { isSample } from '../inspect/samples.ts';
import type { Archive } from '../studio/archive.ts';
import { studio } from '../studio/studio.ts';
import type { TrainWork } from '../train/work.ts';
import {
  type Project,
  type ProjectItem,
  type ProjectPhoto,
  projectFormat,
  projectVersion,
} from './format.ts';

export interface Work {
  readonly engine: Engine;
  readonly photos: Photos;
  readonly train: TrainWork;
  /** Settles once the last visit's choices and photographs are back. */
  readonly restored: Promise<void>;
}

export interface Tools {
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

export async function saveProject(
  { engine, photos, train }: Work,
  { signal, progress }: Tools,
): Promise<Blob> {
  const archive = (await studio().openArchive()) as unknown as Remote<Archive>;
  const all = photos.all.peek();
  const items = train.items.all.peek();
  let done = 0;
  const step = () => {
    signal.throwIfAborted();
    progress(done, all.length + items.length);
    done += 1;
  };
  const number = (i: number) => String(i + 1).padStart(5, '0');

  const photographs: ProjectPhoto[] = [];
  for (const [i, photo] of all.entries()) {
    step();
    photographs.push(await addPhoto(archive, photo, photos, number(i)));
  }
  const training: ProjectItem[] = [];
  for (const [i, { name, image, mask, defective }] of items.entries()) {
    step();
    const file = `training/${number(i)}`;
    await archive.add(file, image);
    const own = mask.peek();
    if (own) await archive.add(`${file}.mask`, own);
    training.push({
      name,
      image: file,
      type: image.type,
      defective: defective.peek(),
      ...(own ? { mask: `${file}.mask` } : {}),
    });
  }
  const choice = engine.choice.peek();
  const [known, limit, settings] = [engine.known.peek(), engine.limit.peek(), train.settings.peek()];
  const project: Project = {
    format: projectFormat,
    version: projectVersion,
    clip: await addClip(archive, choice, known?.clip.sha256),
    ...(choice.prompts ? { prompts: await addPrompts(archive, choice.prompts) } : {}),
    ...(choice.size ? { size: choice.size } : {}),
    ...(choice.tiles === undefined ? {} : { tiles: choice.tiles }),
    ...(known ? { known } : {}),
    ...(limit ? { limit } : {}),
    photographs,
    training: { items: training, ...(settings ? { settings } : {}) },
  };
  await archive.add('project.json', new Blob([JSON.stringify(project)]));
  return archive.finish();
}

async function addPhoto(
  archive: Remote<Archive>,
  photo: Photo,
  photos: Photos,
  number: string,
): Promise<ProjectPhoto> {
  const { name, file, state } = photo;
  const now = state.peek();
  const entry = `photographs/${number}`;
  await archive.add(entry, file);
  const map = now.kind === 'done' ? await photos.map(photo) : undefined;
  if (map) await archive.add(`maps/${number}.f32`, new Blob([new Float32Array(map.values)]));
  return {
    name,
    file: entry,
    type: file.type,
    sample: isSample(file),
    ...(now.kind === 'done' && map
      ? { result: now.result, map: { file: `maps/${number}.f32`, width: map.width, height: map.height } }
      : {}),
    ...(now.kind === 'failed' ? { problem: now.problem } : {}),
  };
}

/** Addresses of the page itself are relative: it may lie elsewhere tomorrow. */
async function addClip(
  archive: Remote<Archive>,
  { clip }: ModelChoice,
  sha256: string | undefined,
): Promise<Project['clip']> {
  const { label, source } = clip;
  const address = typeof source === 'string' || source instanceof URL ? String(source) : undefined;
  const base = new URL('.', document.baseURI).href;
  const files: { name: string; file: string }[] = [];
  if (address === undefined)
    for (const [i, file] of (Array.isArray(source) ? (source as readonly File[]) : [source]).entries()) {
      const content = file instanceof Blob ? file : new Blob([new Uint8Array(file as Uint8Array)]);
      await archive.add(`clip/${i}`, content);
      files.push({ name: 'name' in content ? String(content.name) : label, file: `clip/${i}` });
    }
  return {
    label,
    ...(address ? { address: address.startsWith(base) ? address.slice(base.length) : address } : { files }),
    ...(sha256 ? { sha256 } : {}),
  };
}

async function addPrompts(
  archive: Remote<Archive>,
  prompts: NonNullable<ModelChoice['prompts']>,
): Promise<NonNullable<Project['prompts']>> {
  const { label, id } = prompts;
  const object = writtenObject(prompts);
  if (object !== undefined) return { label, id, object };
  const source = prompts.source as FileSource;
  const content =
    source instanceof Blob
      ? source
      : source instanceof Uint8Array
        ? new Blob([new Uint8Array(source)])
        : await (await fetch(source)).blob();
  await archive.add('prompts.safetensors', content);
  return { label, id, file: 'prompts.safetensors' };
}
