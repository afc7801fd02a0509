// A project's file opened: entries are read in place, so that a day's photographs need no memory.
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import type { ByteSource } from '../../src/formats/source.ts';
import { readZip, zipDataOffset } from '../../src/formats/zip.ts';
import { offerUndo } from '../core/undo.ts';
import { type ModelChoice, type PromptsChoice, writtenChoice } from '../engine/choice.ts';
import type { Loaded } from '../inspect/photos.ts';
import { type Project, type ProjectPhoto, projectFormat, projectVersion } from './format.ts';
import type { Tools, Work } from './save.ts';

/** The file is no project, or damaged. */
export class ProjectError extends Error {}

type Content = (name: string, type?: string) => Promise<Blob>;

async function openArchive(file: File): Promise<Content> {
  const source: ByteSource = {
    name: file.name,
    size: file.size,
    read: async (offset, length) => new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()),
  };
  const entries = await readZip(source).catch((cause: unknown) => {
    throw new ProjectError(`${file.name} is not a project, or is damaged.`, { cause });
  });
  return async (name, type = '') => {
    const entry = entries.get(name);
    if (!entry) throw new ProjectError(`${file.name} lacks a part: ${name}.`);
    const start = await zipDataOffset(source, entry);
    return file.slice(start, start + entry.size, type);
  };
}

/** Replaces what is there, which can be taken back. @throws ProjectError, and everything is as it was */
export async function openProject(
  file: File,
  { engine, photos, train, restored }: Work,
  { signal, progress }: Tools,
): Promise<void> {
  if (engine.locked.peek())
    throw new ProjectError('Training is under way: open the project when it has ended.');
  const content = await openArchive(file);
  const project = parse(await (await content('project.json')).text(), file.name);
  const { photographs, training } = project;
  const total = photographs.length + training.items.length;
  // All of it is read before anything is changed.
  const loaded: Loaded[] = [];
  for (const photo of photographs) {
    signal.throwIfAborted();
    progress(loaded.length, total);
    loaded.push(await readPhoto(photo, content));
  }
  const items = await Promise.all(
    training.items.map(async ({ name, image, type, mask, defective }) => ({
      name,
      image: await content(image, type),
      defective,
      ...(mask ? { mask: await content(mask, 'image/png') } : {}),
    })),
  );
  const choice = await choiceOf(project, content);
  // What is there is all that is there.
  await Promise.all([restored, train.ready]);
  if (engine.locked.peek())
    throw new ProjectError('Training is under way: open the project when it has ended.');
  engine.cancel();
  const takeBack = replace({ engine, photos, train });
  engine.adopt(choice, project.known, project.limit);
  await photos.load(loaded);
  await train.items.add(items, false);
  if (training.settings) train.settings.value = training.settings;
  takeBack?.();
}

/** Takes away what is there. @returns how to offer it back; undefined where there was nothing */
function replace({ engine, photos, train }: Omit<Work, 'restored'>): (() => void) | undefined {
  const [before, known, settings] = [engine.choice.peek(), engine.known.peek(), train.settings.peek()];
  const empty = photos.all.peek().length + train.items.all.peek().length === 0;
  const old = [photos.remove(photos.all.peek()), train.items.remove(train.items.all.peek())];
  const settle = () => {
    for (const one of old) one.settle();
  };
  if (empty) return void settle();
  const undo = () => {
    photos.remove(photos.all.peek()).settle();
    train.items.remove(train.items.all.peek()).settle();
    engine.cancel();
    engine.adopt(before, known, undefined);
    for (const one of old) one.undo();
    train.settings.value = settings;
  };
  return () => offerUndo('Project opened in place of what was here.', undo, settle);
}

function parse(text: string, name: string): Project {
  let json: Partial<Project> | null = null;
  try {
    json = JSON.parse(text) as Partial<Project> | null;
  } catch {}
  if (
    json?.format !== projectFormat ||
    !Array.isArray(json.photographs) ||
    !Array.isArray(json.training?.items)
  )
    throw new ProjectError(`${name} is not a project of this page.`);
  if (json.version !== projectVersion)
    throw new ProjectError(`${name} was made by a newer version of this page. Reload it.`);
  return json as Project;
}

async function readPhoto(
  { name, file, type, sample, result, problem, map }: ProjectPhoto,
  content: Content,
): Promise<Loaded> {
  const state = result
    ? ({ kind: 'done', result } as const)
    : problem
      ? ({ kind: 'failed', problem } as const)
      : undefined;
  return {
    name,
    file: await content(file, type),
    sample,
    state,
    ...(map ? { map: await readMap(map, content) } : {}),
  };
}

async function readMap(
  { file, width, height }: NonNullable<ProjectPhoto['map']>,
  content: Content,
): Promise<AnomalyMap> {
  const values = new Float32Array(await (await content(file)).arrayBuffer());
  if (values.length !== width * height) throw new ProjectError(`The map ${file} is damaged.`);
  return { width, height, values };
}

async function choiceOf({ clip, prompts, size, tiles }: Project, content: Content): Promise<ModelChoice> {
  const files: File[] = [];
  for (const { name, file } of clip.files ?? []) files.push(new File([await content(file)], name));
  const own: PromptsChoice | undefined =
    prompts?.object !== undefined
      ? writtenChoice(prompts.object)
      : prompts?.file
        ? { label: prompts.label, id: prompts.id, source: await content(prompts.file) }
        : undefined;
  return {
    clip: {
      label: clip.label,
      source: clip.address === undefined ? files : new URL(clip.address, document.baseURI).href,
      ...(clip.sha256 ? { sha256: clip.sha256 } : {}),
    },
    ...(own ? { prompts: own } : {}),
    ...(size ? { size } : {}),
    // Older pages wrote 1 for whole photographs.
    ...(tiles === undefined ? {} : { tiles: tiles === 1 ? false : tiles }),
  };
}
