// A detector that was given a CLIP and nothing that says what a defect is: at the first image it takes the prompts that
// ship, where they are for this CLIP, else hand-written ones, and says so.
import { isBlip } from '../model/blip/config.ts';
import { bestWritten } from '../model/methods/named.ts';
import type { FileSource, LoadOptions, PromptsSource } from './api.ts';
import type { DetectorErrorKind } from './errors.ts';
import { asDetectorError } from './failures.ts';
import type { Keeper } from './keeper.ts';
import type { GivenPrompts } from './model.ts';

/** What ships with the package. */
export interface DefaultPrompts {
  readonly prompts?: FileSource | undefined;
  /** For hand-written prompts. */
  readonly vocabulary?: FileSource | undefined;
}

/**
 * @param read reads prompts from where they are
 * @returns the prompts that are in use now; undefined: this CLIP's words are not enough for any
 */
export async function takeDefaultPrompts(
  keeper: Keeper,
  { prompts, vocabulary }: DefaultPrompts,
  read: (given: PromptsSource) => Promise<GivenPrompts['source']>,
  { size, onWarning }: Pick<LoadOptions, 'size' | 'onWarning'>,
): Promise<GivenPrompts | undefined> {
  const attempt = async (
    given: PromptsSource,
    said: string,
    expected: readonly DetectorErrorKind[],
  ): Promise<GivenPrompts | undefined> => {
    let next: GivenPrompts;
    try {
      next = { source: await read(given), size };
      await keeper.run((model) => model.usePrompts(next));
    } catch (error) {
      const { kind } = asDetectorError(error);
      if (expected.includes(kind)) return undefined;
      throw error;
    }
    onWarning?.({ kind: 'notice', message: `no prompts were given: ${said}` });
    return next;
  };
  // A CLIP with words of its own is likely to be the one that ships.
  const shipped =
    prompts !== undefined && keeper.model.clip.metadata.has('tokenizer')
      ? await attempt(prompts, 'those that ship with the small CLIP are used', [
          'bad-prompts',
          'network', // a page's tools left them behind
        ])
      : undefined;
  // BERT's words do not ship.
  if (!shipped && isBlip(keeper.model.clip.config)) return undefined;
  return (
    shipped ??
    attempt(
      vocabulary === undefined ? {} : { vocabulary },
      `hand-written ones are used (${bestWritten}); prompts: { object: 'metal nut' } says what the images show`,
      ['bad-text'],
    )
  );
}
