// What `faprompt detect` says of an image in scores.json, and in a line of --json-lines.
import { mapRange, squareMap } from '../data/heatmap.ts';
import type { Found } from './detection.ts';
import type { VerdictRow } from './verdict-table.ts';

/** Names of the pictures that could be written. */
export interface Pictures {
  readonly heatmap?: string;
  readonly map?: string;
  readonly promptsPicture?: string;
}

export interface Row extends VerdictRow, Pictures {
  /** Only with --per-prompt, in the order of the prompts. */
  readonly prompts?: readonly PromptRow[];
}

/** What one abnormality prompt says of an image: see PromptDetection. */
interface PromptRow {
  readonly contribution: number;
  readonly probability: number;
  readonly mapMax: number;
}

export function rowOf(
  { item, score, map, prompts }: Found<{ readonly file: string }>,
  anomalous: boolean | undefined,
  pictures: Pictures,
): Row {
  const [mapMin, mapMax] = mapRange(map);
  return {
    image: item.file,
    score,
    ...(anomalous === undefined ? {} : { anomalous }),
    mapMin,
    mapMax,
    ...pictures,
    ...(prompts
      ? {
          prompts: prompts.map(({ contribution, probability, map: values }) => ({
            contribution,
            probability,
            mapMax: mapRange(squareMap(values))[1],
          })),
        }
      : {}),
  };
}
