import { clipConfig } from '../src/model/clip/config.ts';
import { clipAdam, type PretrainSettings, pretrainWords } from '../src/train/pretrain/settings.ts';

const words = pretrainWords();

/** A run whose step takes milliseconds; both towers have every kind of layer that the shipped CLIP has. */
export const tinyPretraining: PretrainSettings = {
  config: clipConfig({
    visionWidth: 16,
    visionLayers: 3,
    patch: 8,
    grid: 4,
    textWidth: 16,
    textLayers: 2,
    contextLength: 20,
    vocabSize: words.length + 2,
    embedDim: 8,
    headDim: 8,
  }),
  words,
  seed: 5,
  steps: 50,
  stopAt: 50,
  cooldown: 0,
  batch: 4,
  imageSize: 32,
  learningRate: 2e-3,
  warmup: 5,
  decay: 0.1,
  ...clipAdam,
  regionWeight: 2,
};
