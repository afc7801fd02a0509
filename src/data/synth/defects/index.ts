/** The table of defects: how each is drawn, what it is called, and what it is for. */
import type { Random } from '../../random.ts';
import type { Rendering } from '../canvas.ts';
import type { DefectRole } from '../roles.ts';
import { dent, hole, missing, stain } from './areas.ts';
import { crack, scratch, thread } from './lines.ts';

export interface Defect {
  /** Draws one defect onto the rendering's canvas; returns its mask (1 where it is). No other pixel changes. */
  draw(random: Random, rendering: Rendering): Uint8Array;
  role: DefectRole;
  /** Names in captions after "with". */
  nouns: readonly string[];
  /** Words in captions before the family's name. */
  adjectives: readonly string[];
}

export const defects = {
  scratch: {
    draw: scratch,
    role: 'pretrain',
    nouns: ['a scratch', 'scratches', 'a scratch mark'],
    adjectives: ['scratched'],
  },
  crack: {
    draw: crack,
    role: 'pretrain',
    nouns: ['a crack', 'cracks', 'a fracture'],
    adjectives: ['cracked', 'fractured'],
  },
  hole: {
    draw: hole,
    role: 'pretrain',
    nouns: ['a hole', 'a dark hole'],
    adjectives: ['pierced', 'perforated'],
  },
  stain: {
    draw: stain,
    role: 'pretrain',
    nouns: ['a stain', 'a dirty spot', 'a blot'],
    adjectives: ['stained', 'dirty'],
  },
  missing: {
    draw: missing,
    role: 'pretrain',
    nouns: ['a missing part', 'a part missing'],
    adjectives: ['incomplete'],
  },
  dent: { draw: dent, role: 'heldout', nouns: ['a dent', 'a bump'], adjectives: ['dented'] },
  thread: {
    draw: thread,
    role: 'heldout',
    nouns: ['a thread', 'a loose fibre', 'a hair'],
    adjectives: ['frayed'],
  },
} satisfies Record<string, Defect>;

export type DefectName = keyof typeof defects;

export const defectNames = Object.keys(defects) as DefectName[];
