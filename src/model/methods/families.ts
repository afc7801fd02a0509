// Every family of methods. A new one adds its folder and a line here.
import { filoFamilies } from '#methods/filo';
import { ensembleFamily } from './anomalyclip-ensemble/anomalyclip-ensemble.ts';
import { anovlFamily } from './anovl/anovl.ts';
import { aprilGanFamily } from './april-gan/april-gan.ts';
import { blipFamily } from './blip/blip.ts';
import { clipFamily } from './clip/clip.ts';
import { coopFamily } from './coop/coop.ts';
import { fapromptFamily } from './faprompt/faprompt.ts';
import type { Family } from './method.ts';
import { writtenFamily } from './pair/pair.ts';
import { winclipFamily } from './winclip/winclip.ts';

/** By name. */
export const families: ReadonlyMap<string, Family> = new Map(
  [
    fapromptFamily,
    writtenFamily,
    clipFamily,
    ensembleFamily,
    winclipFamily,
    aprilGanFamily,
    coopFamily,
    anovlFamily,
    blipFamily,
    ...filoFamilies,
  ].map((family) => [family.name, family]),
);
