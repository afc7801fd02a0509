// Everything that can be chosen about FAPrompt; the presets say where the paper and its published code differ.

/** Sizes of the learnable part (the paper's E, E', K, M). */
export interface PromptSizes {
  /** E: learnable tokens shared by the normal and all abnormality prompts. */
  readonly normalTokens: number;
  /** E': own learnable tokens of each abnormality prompt; all that it has if it is not compound. */
  readonly abnormalTokens: number;
  /** K: abnormality prompts. */
  readonly prompts: number;
  /** M: patches that the abnormality prior is made from. */
  readonly patches: number;
  /** Learnable tokens per text block that replace positions 1.. there. */
  readonly layerTokens: number;
  /** Text blocks 1 .. layerDepth - 1 have such tokens. */
  readonly layerDepth: number;
}

export interface FapromptOptions extends PromptSizes {
  /** Abnormality prompts begin with the normal prompt's tokens (CAP), or have their own only (a learnable pair). */
  readonly compound: boolean;
  /**
   * What stands for the K abnormality prompts: the mean of their features, for each patch and image the one that
   * matches best, or a mean weighted for each image by a network that sees the patches of the prior.
   */
  readonly aggregate: 'mean' | 'best' | 'weighted';
  /** What the prior network is fed with: the M most abnormal patches, patches 0..M-1, or the class token alone. */
  readonly priorFrom: 'top' | 'first' | 'class';
  /** Whether there is a data-dependent abnormality prior (DAP) at all. */
  readonly prior: boolean;
  /** Templates with the word "damaged" and a final ".", as the published code has them, or without, as the paper. */
  readonly template: 'code' | 'paper';
  readonly temperature: number;
  readonly map1Weight: number;
  readonly map2Weight: number;
  /** Weight of the orthogonal loss of CAP. */
  readonly orthogonalWeight: number;
  /** Weight of the prior loss of DAP. */
  readonly priorWeight: number;
  /** Reduction of the squared prior over its entries, and then over images. */
  readonly priorEntries: 'mean' | 'sum';
  readonly priorImages: 'sum' | 'mean';
  /** Weight of KgCoOp's loss, which keeps the prompts near a written pair. */
  readonly knowledgeWeight: number;
  /** Whether the cross entropy of the image probability is added. */
  readonly crossEntropy: boolean;
  /** What the focal loss takes the score for; `none`: there is no such loss. */
  readonly scoreLoss: 'logits' | 'prob' | 'none';
  /** Weights of the two maps' largest patch scores in the image score. */
  readonly maxMix: readonly [number, number];
  /** The image score: the mean of class probability and largest patches, or the class probability alone. */
  readonly imageScore: 'mixed' | 'class';
  /** Sigma of the map's smoothing in pixels, at the paper's 518. */
  readonly sigma: number;
}

export const presetNames = ['topm', 'official', 'paper', 'anomalyclip', 'learnable-pair'] as const;
export type PresetName = (typeof presetNames)[number];

const topm: FapromptOptions = {
  normalTokens: 5,
  abnormalTokens: 2,
  prompts: 10,
  patches: 10,
  layerTokens: 4,
  layerDepth: 9,
  compound: true,
  aggregate: 'mean',
  priorFrom: 'top',
  prior: true,
  template: 'code',
  temperature: 0.07,
  map1Weight: 1,
  map2Weight: 0.5,
  orthogonalWeight: 0.1,
  priorWeight: 1,
  priorEntries: 'mean',
  priorImages: 'sum',
  knowledgeWeight: 0,
  crossEntropy: true,
  scoreLoss: 'logits',
  maxMix: [2 / 3, 1 / 3],
  imageScore: 'mixed',
  sigma: 10,
};

const pair: FapromptOptions = {
  ...topm,
  normalTokens: 12,
  abnormalTokens: 12,
  prompts: 1,
  compound: false,
  prior: false,
  orthogonalWeight: 0,
};

/**
 * `topm`: the published losses, the prior fed with the true top M patches as the paper says. `official`: the published
 * code as it is. `paper`: a literal reading of the paper's equations. `anomalyclip`: AnomalyCLIP (Zhou et al., ICLR 2024)
 * as published, from which the paper's ablations start: a learnable pair with losses, score and smoothing of its own; a
 * second map, where an ablation has one, weighs half of the first as in FAPrompt. `learnable-pair`: its prompts with the
 * losses, the score and the smoothing of `topm`.
 */
export const presets: Readonly<Record<PresetName, FapromptOptions>> = {
  topm,
  official: { ...topm, priorFrom: 'first' },
  paper: {
    ...topm,
    template: 'paper',
    map2Weight: 1,
    orthogonalWeight: 1,
    priorEntries: 'sum',
    priorImages: 'mean',
    crossEntropy: false,
    scoreLoss: 'prob',
    maxMix: [0.5, 0.5],
  },
  anomalyclip: {
    ...pair,
    map1Weight: 4,
    map2Weight: 2,
    scoreLoss: 'none',
    imageScore: 'class',
    sigma: 4,
  },
  'learnable-pair': pair,
};

/** Whether the prompts are adapted to each image, which gives a second map. */
export const adaptsToImage = ({ prior, aggregate }: FapromptOptions): boolean =>
  prior || aggregate === 'weighted';
