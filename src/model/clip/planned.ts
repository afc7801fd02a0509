// A CLIP of which only the sizes are known: enough for graphs and plans, nothing to run.
import type { ClipConfig } from './config.ts';
import type { Tokenizer } from './tokenizer/tokenizer.ts';
import { type Clip, weightSpecs } from './weights.ts';

export interface PlannedClip {
  readonly name: string;
  readonly config: ClipConfig;
  readonly tokenizer: Tokenizer;
  readonly metadata?: ReadonlyMap<string, string>;
  /** Type of a tensor as the file stores it: F32, F16, I8. */
  stored(tensor: string): string | undefined;
}

/** Temperatures and embeddings are made up: what depends on values must not be made from it. */
export function plannedClip({ name, config, tokenizer, stored, metadata = new Map() }: PlannedClip): Clip {
  const specs = weightSpecs(config, stored);
  const row = new Float32Array(config.textWidth);
  return {
    name,
    config,
    tokenizer,
    metadata,
    weightSpec: (tensor) => specs.get(tensor),
    tensors: new Map(),
    logitScale: async () => 100,
    tokenRows: async (ids) => new Map(ids.map((id) => [id, row])),
    dispose() {},
  };
}

/** Any text, a token for each word: about what CLIP's and BERT's vocabularies make of common ones. */
export function countingTokenizer(vocabSize: number): Tokenizer {
  const [sot, eot] = [vocabSize - 2, vocabSize - 1];
  const ids = new Map<string, number>();
  return {
    sot,
    eot,
    vocabSize,
    encode: (text) =>
      (text.toLowerCase().match(/[\p{L}\p{M}]+|[^\s\p{L}\p{M}]/gu) ?? []).map((word) => {
        const id = ids.get(word) ?? ids.size % sot;
        ids.set(word, id);
        return id;
      }),
  };
}
