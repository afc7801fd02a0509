/** All layouts, and which of them a folder is in. */
import { mapMask } from '../dataset.ts';
import { otherFormats, unusedFiles } from '../findings.ts';
import { dagm } from './dagm.ts';
import { elpv } from './elpv.ts';
import { headCt } from './headct.ts';
import { kolektor } from './kolektor.ts';
import { type Folder, type KnownDataset, type Layout, type Listing, onlySubfolder } from './layout.ts';
import { patternLayout } from './pattern.ts';
import { patternLayouts } from './table.ts';
import { visa } from './visa.ts';

/** In the order in which they are tried. */
export const layouts: readonly Layout[] = [
  visa,
  dagm,
  elpv,
  headCt,
  kolektor,
  ...patternLayouts.map(patternLayout),
];

export interface Recognised extends Listing {
  /** Name of the layout. */
  layout: string;
  /** The data set, where its layout and its names tell; null for one of that layout that is not known. */
  known: string | null;
}

/**
 * Lists a folder by the first layout that fits; where none does and the folder holds nothing but one sub-folder
 * (as an archive unpacks), that one. Problems include the image files that belong to nothing. Null if no layout fits.
 * Throws DatasetError for label files that are wrong.
 */
export async function recognise(folder: Folder): Promise<Recognised | null> {
  let inner = folder;
  let prefix = '';
  const folderNames = [folder.name];
  for (;;) {
    for (const layout of layouts) {
      const raw = await layout.list(inner);
      if (!raw) continue;
      const listing = completed(raw, inner, layout);
      const known = layout.known?.find((dataset) => fits(dataset, inner, folderNames, listing))?.name ?? null;
      return { ...prefixed(listing, prefix), layout: layout.name, known: layout.known ? known : layout.name };
    }
    const only = onlySubfolder(inner);
    if (!only) return null;
    inner = only.folder;
    prefix += only.prefix;
    folderNames.push(inner.name);
  }
}

/** The files that the listing means, and what is said of the files that it does not name. */
function completed(listing: Listing, folder: Folder, { leaves }: Layout): Listing {
  const locate = (file: string): string => folder.file(file) ?? file;
  const entries = listing.entries.map((entry) => ({
    ...entry,
    image: locate(entry.image),
    mask: entry.mask === null ? null : mapMask(entry.mask, locate),
  }));
  const accounted = [
    ...(listing.accounted ?? []),
    ...listing.problems.map(({ file }) => file),
    ...folder.files.filter((file) => leaves?.test(file)),
  ];
  return {
    ...listing,
    entries,
    problems: [...listing.problems, ...unusedFiles(folder.files, entries, accounted)],
    notes: [...listing.notes, ...otherFormats(folder.files)],
  };
}

function fits(
  dataset: KnownDataset,
  folder: Folder,
  folderNames: readonly string[],
  { entries }: Listing,
): boolean {
  const { classes, file, folder: name } = dataset;
  if (classes) return entries.every(({ className }) => classes.includes(className));
  if (file) return folder.files.some((path) => file.test(path));
  return name !== undefined && folderNames.some((folderName) => name.test(folderName));
}

/** The same with all paths relative to the outer folder. */
function prefixed(listing: Listing, prefix: string): Listing {
  if (prefix === '') return listing;
  const { entries, problems } = listing;
  return {
    ...listing,
    entries: entries.map((entry) => ({
      ...entry,
      image: prefix + entry.image,
      mask: entry.mask === null ? null : mapMask(entry.mask, (file) => prefix + file),
    })),
    problems: problems.map((problem) => ({ ...problem, file: prefix + problem.file })),
  };
}
