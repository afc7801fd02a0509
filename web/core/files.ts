// Files that come into the page: dropped, pasted or chosen.

import { isSystemName } from '../../src/base/names.ts';
import { isImageFile } from '../../src/data/image.ts';
import { announce } from './announce.ts';

const looksLikeImage = (file: File): boolean =>
  !isSystemName(file.name) && (file.type.startsWith('image/') || isImageFile(file.name));

/** The images among files, and the others, which somebody should be told of. */
export function sortFiles(files: Iterable<File>): { images: File[]; others: File[] } {
  const [images, others]: [File[], File[]] = [[], []];
  for (const file of files) (looksLikeImage(file) ? images : others).push(file);
  return { images, others };
}

/** Files that were left out, in a sentence; undefined: none was. */
export function leftOut(others: readonly File[]): string | undefined {
  const [first] = others;
  if (!first) return undefined;
  if (others.length === 1) return `${first.name} is not an image and was left out.`;
  const named = others.slice(0, 3).map(({ name }) => name);
  const rest = others.length - named.length;
  return `${others.length} files are not images and were left out: ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}.`;
}

export interface Taken {
  readonly files: File[];
  /** Paths relative to what was dropped; the name alone for single files. */
  readonly paths: string[];
}

/** All files of a drop, those in folders too. */
export async function droppedFiles(data: DataTransfer): Promise<Taken> {
  // Entries must be taken before the first await: the list is empty afterwards.
  const entries = [...data.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry): entry is FileSystemEntry => entry !== null);
  const taken: Taken = { files: [], paths: [] };
  const visit = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) =>
        (entry as FileSystemFileEntry).file(resolve, reject),
      );
      taken.files.push(file);
      taken.paths.push(entry.fullPath.replace(/^\//, ''));
    } else {
      const reader = (entry as FileSystemDirectoryEntry).createReader();
      for (;;) {
        // A reader hands out some hundred entries at a time.
        const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
          reader.readEntries(resolve, reject),
        );
        if (some.length === 0) break;
        for (const child of some) await visit(child);
      }
    }
  };
  for (const entry of entries) await visit(entry);
  return taken;
}

/** The files of a picker, with their paths in the folder that was chosen. */
export const chosenFiles = (input: HTMLInputElement): Taken => {
  const files = [...(input.files ?? [])];
  return { files, paths: files.map((file) => file.webkitRelativePath || file.name) };
};

/** Calls `take` for drops on an element; the attribute `data-dropping` is set while something hovers over it. */
export function acceptDrops(element: HTMLElement, take: (data: DataTransfer) => void): void {
  let depth = 0;
  const hover = (change: number) => {
    depth = Math.max(0, depth + change);
    element.toggleAttribute('data-dropping', depth > 0);
  };
  const withFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  element.addEventListener('dragenter', (event) => withFiles(event) && hover(1));
  element.addEventListener('dragleave', (event) => withFiles(event) && hover(-1));
  element.addEventListener('dragover', (event) => {
    if (withFiles(event)) event.preventDefault();
  });
  element.addEventListener('drop', (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    hover(-depth);
    take(event.dataTransfer!);
  });
}

/** Calls `take` for files that are pasted while `active`, unless a dialog is in front. */
export function acceptPastes(take: (files: File[]) => void, active: () => boolean): void {
  document.addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0 || !active()) return;
    if (document.querySelector('dialog[open]')) {
      announce('Nothing was pasted: close this dialog first.');
      return;
    }
    event.preventDefault();
    take(files);
  });
}
