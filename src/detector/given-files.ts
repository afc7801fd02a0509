// Small files that a caller gives, prompts and vocabularies: from wherever they are to bytes.
import type { FileSource, PromptsSource } from './api.ts';
import { asDetectorError } from './failures.ts';
import type { GivenPrompts } from './model.ts';
import { readWhole } from './open-model.ts';
import { isDescribed, isTrained } from './portable.ts';
import { countReading, type ReadingCount } from './reading.ts';

type Contents = Awaited<ReturnType<typeof readWhole>>;

export interface GivenFiles {
  /** @throws what reading it throws */
  read(file: FileSource, count?: ReadingCount): Promise<Contents>;
  /** Reads it when it is first asked for, and again after a failure. */
  readOnce(file: FileSource): () => Promise<Contents>;
  /** Prompts as a model takes them; a vocabulary is read when a text has to be. @throws DetectorError 'bad-prompts' */
  readPrompts(given: PromptsSource, count?: ReadingCount): Promise<GivenPrompts['source']>;
}

/** @param options asked for each time: a signal that stopped the loading does not stop what is read later */
export function createGivenFiles(options: () => Parameters<typeof readWhole>[1]): GivenFiles {
  const read: GivenFiles['read'] = (file, count = countReading(undefined)) =>
    readWhole(file, options(), count);
  const readOnce: GivenFiles['readOnce'] = (file) => {
    let contents: Promise<Contents> | undefined;
    return () => {
      contents ??= read(file).catch((error: unknown) => {
        contents = undefined;
        throw error;
      });
      return contents;
    };
  };
  const readPromptsFile: GivenFiles['read'] = (file, count) =>
    read(file, count).catch((error: unknown) => {
      throw asDetectorError(error, 'bad-prompts');
    });
  return {
    read,
    readOnce,
    async readPrompts(given, count) {
      if (!isDescribed(given)) return readPromptsFile(given, count);
      const { vocabulary: file, ...rest } = given;
      const vocabulary = file && { vocabulary: readOnce(file) };
      if (!isTrained(rest)) return { written: { ...rest, ...vocabulary } };
      const { object } = rest;
      return {
        ...(await readPromptsFile(rest.file, count)),
        ...(object === undefined ? {} : { object }),
        ...vocabulary,
      };
    },
  };
}
