// AnoVL's options, and the published values.
import type { ValueKind } from '../../value-kinds.ts';

export interface AnovlOptions {
  readonly normal: readonly string[];
  readonly abnormal: readonly string[];
  /** What a template's "photo" is called for objects and for textures. */
  readonly objectWords: readonly string[];
  readonly textureWords: readonly string[];
  /** Classes that are textures. */
  readonly textures: readonly string[];
  /** The object's name; "{class}" stands for the class of the image. */
  readonly object: string;
  /** Steps of the adaptation; 0: none. */
  readonly steps: number;
  readonly learningRate: number;
  /** Standard deviation of the noise on the tokens. */
  readonly noise: number;
  /** Of the adapter's initial values and the noise: the same for every image, so that their order does not matter. */
  readonly seed: number;
}

const shared = ['{} without flaw', '{} without defect', '{} without damage'];
const damaged = ['{} with flaw', '{} with defect', '{} with damage'];

export const anovlDefaults: AnovlOptions = {
  normal: ['normal {}', 'flawless {}', 'perfect {}', 'unblemished {}', ...shared],
  abnormal: ['damaged {}', 'abnormal {}', 'imperfect {}', 'blemished {}', ...damaged],
  objectWords: ['industrial photo', 'industrial image', 'manufacturing image'],
  textureWords: ['industrial photo', 'textural photo', 'surface picture'],
  textures: ['carpet', 'leather', 'grid', 'tile', 'wood'],
  object: '{class}',
  steps: 5,
  learningRate: 1e-3,
  noise: 0.055,
  seed: 0,
};

export const anovlKinds: Record<keyof AnovlOptions, ValueKind> = {
  normal: { kind: 'texts' },
  abnormal: { kind: 'texts' },
  objectWords: { kind: 'texts' },
  textureWords: { kind: 'texts' },
  textures: { kind: 'texts' },
  object: { kind: 'text' },
  steps: { kind: 'count', min: 0 },
  learningRate: { kind: 'number', min: 0 },
  noise: { kind: 'number', min: 0 },
  seed: { kind: 'count', min: 0 },
};
