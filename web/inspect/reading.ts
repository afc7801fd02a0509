// What a score means, in plain words.
import { formatPlace } from '../core/format.ts';
import type { Region } from '../studio/regions.ts';

export type Tone = 'good' | 'unsure' | 'bad' | 'neutral';

export interface Reading {
  readonly tone: Tone;
  /** Two or three words. */
  readonly verdict: string;
  /** One or two sentences. */
  readonly text: string;
}

/** Scores this near to the threshold are called uncertain. */
const margin = 0.05;

export interface Judged {
  readonly score: number;
  /** Chosen by `faprompt calibrate` and stored with the prompts. */
  readonly threshold?: number | undefined;
  /** Highest region, if any. */
  readonly region?: Region | undefined;
  /** The weights were never trained. */
  readonly untrained: boolean;
  /** A photograph, and a CLIP that has seen generated images only. */
  readonly unfamiliar?: boolean;
}

export function readScore({ score, threshold, region, untrained, unfamiliar = false }: Judged): Reading {
  if (untrained)
    return {
      tone: 'neutral',
      verdict: 'No verdict',
      text: 'This model has random weights: the picture shows that everything runs, and says nothing about defects.',
    };
  // Neither comes out of this engine; what cannot be compared must not look normal.
  if (!Number.isFinite(score) || (threshold !== undefined && !(threshold >= 0 && threshold <= 1)))
    return {
      tone: 'bad',
      verdict: 'No result',
      text: 'The score or the limit is not a number between 0 and 1: the weights or the prompts are damaged. Nothing is known of this image.',
    };
  const calibrated = threshold !== undefined;
  const limit = threshold ?? 0.5;
  const scale = calibrated
    ? `Images from ${limit.toFixed(2)} up fail, by the calibration stored with these prompts.`
    : 'These prompts were not calibrated, so 0.50 serves as the limit.';
  const where = region ? ` The strongest sign is ${preposition(region)}.` : '';
  if (unfamiliar)
    return {
      tone: 'unsure',
      verdict: 'Only a hint',
      text: `This small CLIP has seen generated images only: its score says little about a photograph. Choose a real CLIP under Model.${where}`,
    };
  if (Math.abs(score - limit) < margin)
    return { tone: 'unsure', verdict: 'Not sure', text: `Too close to the limit to call. ${scale}${where}` };
  return score < limit
    ? { tone: 'good', verdict: 'Looks normal', text: scale }
    : { tone: 'bad', verdict: 'Probably a defect', text: `${scale}${where}` };
}

function preposition({ x, y }: Region): string {
  const place = formatPlace(x, y);
  return place === 'centre' ? 'in the centre' : `at the ${place.replace(', half way up', '')}`;
}
