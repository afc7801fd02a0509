// Images that come into a training: a folder, single files, generated ones. What is of no use is told of.
import { type ReadonlySignal, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { h } from '../core/dom.ts';
import { chosenFiles, type Taken } from '../core/files.ts';
import { filePicker } from '../core/picker.ts';
import { explain } from '../engine/problems.ts';
import { generateItems } from './generated.ts';
import type { NewItem, TrainItems } from './items.ts';

export interface Intake {
  /** What there is to say of the images; forgotten with the next ones. */
  readonly notes: ReadonlySignal<readonly string[]>;
  /** Images that are being looked at. */
  readonly looking: ReadonlySignal<number>;
  note(text: string): void;
  add(found: readonly NewItem[]): Promise<void>;
  take(taken: Taken): Promise<void>;
}

/** @param busy while a run is under way, which takes no images */
export function createIntake(items: TrainItems, busy: ReadonlySignal<boolean>): Intake {
  const notes = signal<readonly string[]>([]);
  const looking = signal(0);
  const note = (text: string) => {
    notes.value = [...notes.value, text];
    announce(text);
  };
  async function add(found: readonly NewItem[], said: readonly string[] = []): Promise<void> {
    notes.value = [];
    said.forEach(note);
    looking.value += found.length;
    try {
      (await items.add(found)).forEach(note);
    } finally {
      looking.value -= found.length;
    }
  }
  async function take(taken: Taken): Promise<void> {
    if (busy.peek()) {
      announce('Images can be added when the training has ended.');
      return;
    }
    try {
      // Loaded when wanted: it knows every layout of the field.
      const { pairMasks, readFolder } = await import('./folder.ts');
      const read = taken.paths.some((path) => path.includes('/'))
        ? await readFolder(taken)
        : pairMasks(new Map(distinct(taken)));
      await add(read.items, read.notes);
    } catch (error) {
      const { detail } = explain(error);
      notes.value = [];
      note(`This folder’s own list of images cannot be used: ${detail}`);
    }
  }
  return { notes, looking, note, add, take };
}

/** Several pastes are all called image.png. */
function distinct({ files, paths }: Taken): (readonly [string, File])[] {
  const seen = new Map<string, number>();
  return files.map((file, i) => {
    const path = paths[i]!;
    const times = seen.get(path) ?? 0;
    seen.set(path, times + 1);
    return [times === 0 ? path : `${path} (${times + 1})`, file] as const;
  });
}

/** Where images are chosen, or dropped. */
export const sources = ({ add, take }: Intake): HTMLElement =>
  h(
    'div',
    { class: 'drop small' },
    h(
      'p',
      {},
      'Drop a folder of images and masks, in the layout of MVTec AD or another known one, or single images (x.jpg, with x_mask.png as its mask).',
    ),
    h(
      'div',
      { class: 'row' },
      filePicker({ label: 'Choose a folder', icon: 'folder', folder: true }, (input) =>
        take(chosenFiles(input)),
      ),
      filePicker({ label: 'Add images', icon: 'images', accept: 'image/*', multiple: true }, (input) =>
        take(chosenFiles(input)),
      ),
      h(
        'button',
        { type: 'button', class: 'button', onclick: async () => add(await generateItems()) },
        'Use generated images',
      ),
    ),
  );
