/** The table of defects: how each is drawn, what it is for, and what it is called. */
import type { DefectRole } from '../role.ts';
import { burn, contamination, discoloration, hole, stain } from './areas.ts';
import { crack, scratch, thread } from './lines.ts';
import { chip, deformation, dent, misprint, missing } from './shape-changes.ts';
import type { Site } from './site.ts';

export interface Defect {
  /** Changes the canvas of the site's rendering; nothing where the picture offers no place for it. */
  draw(site: Site): void;
  role: DefectRole;
  /** Names in captions after "with". */
  nouns: readonly string[];
  /** Words in captions before the family's name. */
  adjectives: readonly string[];
}

export const defects = {
  // For pretraining and prompt training.
  scratch: {
    draw: scratch,
    role: 'pretrain',
    nouns: ['a scratch', 'scratches', 'a scratch mark', 'a scratched line'],
    adjectives: ['scratched', 'scuffed'],
  },
  crack: {
    draw: crack,
    role: 'pretrain',
    nouns: ['a crack', 'cracks', 'a fracture', 'a split'],
    adjectives: ['cracked', 'fractured'],
  },
  hole: {
    draw: hole,
    role: 'pretrain',
    nouns: ['a hole', 'a dark hole', 'a pit'],
    adjectives: ['pierced', 'perforated'],
  },
  stain: {
    draw: stain,
    role: 'pretrain',
    nouns: ['a stain', 'a dirty spot', 'a blot', 'a stained area'],
    adjectives: ['stained', 'dirty', 'soiled'],
  },
  missing: {
    draw: missing,
    role: 'pretrain',
    nouns: ['a missing part', 'a part missing', 'a gap'],
    adjectives: ['incomplete'],
  },
  contamination: {
    draw: contamination,
    role: 'pretrain',
    nouns: ['contamination', 'dirt', 'foreign particles', 'dust on it', 'residue'],
    adjectives: ['contaminated', 'dirty', 'dusty'],
  },
  discoloration: {
    draw: discoloration,
    role: 'pretrain',
    nouns: ['discoloration', 'a discolored area', 'a faded spot', 'a wrong color'],
    adjectives: ['discolored', 'faded'],
  },
  deformation: {
    draw: deformation,
    role: 'pretrain',
    nouns: ['a deformation', 'a distortion', 'a bend', 'a warped area'],
    adjectives: ['deformed', 'distorted', 'warped', 'bent'],
  },
  chip: {
    draw: chip,
    role: 'pretrain',
    nouns: ['a chip', 'a chipped edge', 'a broken edge'],
    adjectives: ['chipped'],
  },
  // Held out from both.
  dent: { draw: dent, role: 'heldout', nouns: ['a dent', 'a bump', 'a dented area'], adjectives: ['dented'] },
  burn: {
    draw: burn,
    role: 'heldout',
    nouns: ['a burn', 'a burn mark', 'a burnt spot'],
    adjectives: ['burnt', 'scorched'],
  },
  thread: {
    draw: thread,
    role: 'heldout',
    nouns: ['a thread', 'a loose thread', 'a fibre on it', 'a hair'],
    adjectives: ['frayed'],
  },
  misprint: {
    draw: misprint,
    role: 'heldout',
    nouns: ['a misprint', 'a printing error', 'smeared ink'],
    adjectives: ['misprinted', 'smeared'],
  },
} satisfies Record<string, Defect>;

export type DefectName = keyof typeof defects;

export const defectNames = Object.keys(defects) as DefectName[];
