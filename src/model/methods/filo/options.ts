// What can be chosen about FiLO, and what follows from it for a CLIP.

import type { ClipConfig } from '../../clip/config.ts';
import type { ImageNeeds } from '../../clip/needs.ts';
import type { ValueKind } from '../../value-kinds.ts';
import { tapBlocks } from '../april-gan/april-gan.ts';
import type { Descriptions, FiloWords } from './descriptions.ts';
import type { FiloSizes } from './forward.ts';
import prompts from './prompts.json' with { type: 'json' };

export interface FiloOptions extends FiloWords {
  /** Learnable vectors of a prompt. */
  readonly tokens: number;
  /** Depths whose tokens are taken, evenly spaced: 4 of 24 blocks are 6, 12, 18, 24. */
  readonly taps: number;
  /** Share of the last blocks with a V-V stream: 18 of 24. */
  readonly dualShare: number;
  /** Taps as additions in place leave them in the published code: what its checkpoints were trained on. */
  readonly aliasedTaps: boolean;
  /** Words that count in a box's phrase, beside the class's descriptions. */
  readonly words: readonly string[];
}

export const filoDefaults: FiloOptions = {
  ...prompts,
  descriptions: prompts.descriptions as Descriptions,
  tokens: 12,
  taps: 4,
  dualShare: 0.75,
  aliasedTaps: false,
};

export type ParsedFilo = Omit<FiloOptions, 'descriptions'>;
/** Of the options but the descriptions. */
export const filoKinds: Record<keyof ParsedFilo, ValueKind> = {
  normal: { kind: 'texts' },
  abnormal: { kind: 'texts' },
  positions: { kind: 'texts' },
  words: { kind: 'texts' },
  tokens: { kind: 'count', min: 1 },
  taps: { kind: 'count', min: 2 },
  dualShare: { kind: 'number', min: 0, max: 1 },
  aliasedTaps: { kind: 'flag' },
};

/** The taps of a CLIP in their order, as names of features, and what they need. */
export function filoTaps(
  clip: ClipConfig,
  { taps, dualShare, aliasedTaps }: Pick<FiloOptions, 'taps' | 'dualShare' | 'aliasedTaps'>,
): { readonly names: readonly string[]; readonly needs: Partial<ImageNeeds> } {
  const dualLayers = Math.round(dualShare * clip.visionLayers);
  const first = clip.visionLayers - dualLayers;
  // In place, every V-V tap becomes the last one, and so does the tap that the V-V stream begins with.
  const last = `vv${clip.visionLayers}`;
  const names = tapBlocks({ taps }, clip).flatMap((block) => {
    if (block < first || (block === first && !aliasedTaps)) return [`tap${block}`];
    if (block === first) return [last];
    return [aliasedTaps ? last : `vv${block}`, `tap${block}`];
  });
  const blocks = (prefix: string) => [
    ...new Set(
      names.filter((name) => name.startsWith(prefix)).map((name) => Number(name.slice(prefix.length))),
    ),
  ];
  return {
    names,
    needs: {
      dualLayers,
      patches: 'none',
      image: 'raw',
      taps: blocks('tap'),
      vvTaps: blocks('vv'),
      aliasedTaps,
      positions: 'bicubic',
    },
  };
}

/** Sizes of the learnables. */
export function sizesOf(options: FiloOptions, clip: ClipConfig): FiloSizes {
  const { length } = filoTaps(clip, options).names;
  return { tokens: options.tokens, linear: Math.ceil(length / 2), convolutions: Math.floor(length / 2) };
}
