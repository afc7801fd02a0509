/** The table of defects. */
import type { Random } from '../../random.ts';
import type { Rendering } from '../canvas.ts';
import { dent, hole, missing, stain } from './areas.ts';
import { crack, scratch, thread } from './lines.ts';

/** Draws one defect onto the rendering's canvas; returns its mask (1 where it is). No other pixel changes. */
export type Defect = (random: Random, surface: Rendering) => Uint8Array;

export const defects = { scratch, crack, thread, hole, stain, dent, missing } satisfies Record<
  string,
  Defect
>;

export type DefectName = keyof typeof defects;
