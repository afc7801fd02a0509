/** The table of families: how each is drawn, what may happen to it, what it is called, and what it is for. */
import type { Random } from '../../random.ts';
import type { Rendering } from '../canvas.ts';
import type { DefectName } from '../defects/index.ts';
import type { Role } from '../roles.ts';
import { metal, tile } from './hard.ts';
import { wood } from './natural.ts';
import { dots } from './printed.ts';
import { leather, weave } from './textile.ts';

export interface Family {
  draw(random: Random, size: number): Rendering;
  role: Role;
  /** Names in captions; none belongs to another family. */
  nouns: readonly string[];
  defects: readonly DefectName[];
}

export const families = {
  weave: {
    draw: weave,
    role: 'pretrain',
    nouns: ['weave', 'woven fabric', 'woven cloth'],
    defects: ['hole', 'stain', 'thread'],
  },
  metal: {
    draw: metal,
    role: 'pretrain',
    nouns: ['metal', 'brushed metal', 'metal plate'],
    defects: ['scratch', 'dent', 'stain'],
  },
  dots: {
    draw: dots,
    role: 'pretrain',
    nouns: ['dots', 'dot pattern', 'dotted print'],
    defects: ['missing', 'stain', 'thread', 'scratch'],
  },
  wood: {
    draw: wood,
    role: 'prompt',
    nouns: ['wood', 'wood grain', 'timber'],
    defects: ['scratch', 'crack', 'hole', 'stain'],
  },
  leather: {
    draw: leather,
    role: 'heldout',
    nouns: ['leather', 'piece of leather'],
    defects: ['scratch', 'hole', 'crack', 'thread', 'dent'],
  },
  tile: {
    draw: tile,
    role: 'heldout',
    nouns: ['tile', 'ceramic tile'],
    defects: ['crack', 'missing', 'stain', 'thread'],
  },
} satisfies Record<string, Family>;

export type FamilyName = keyof typeof families;

export const familyNames = Object.keys(families) as FamilyName[];
