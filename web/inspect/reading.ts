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
  return score > limit
    ? { tone: 'bad', verdict: 'Probably a defect', text: `${scale}${where}` }
    : { tone: 'good', verdict: 'Looks normal', text: scale };
}

function preposition({ x, y }: Region): string {
  const place = formatPlace(x, y);
  return place === 'centre' ? 'in the centre' : `at the ${place.replace(', half way up', '')}`;
}
