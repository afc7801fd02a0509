/** The table of families: how each is drawn, what it is for, what it is called, what may happen to it. */
import type { Random } from '../../../base/random.ts';
import type { Rendering } from '../canvas.ts';
import type { DefectName } from '../defects/index.ts';
import type { Role } from '../role.ts';
import type { View } from '../view.ts';
import { button, cap, washer } from './discs.ts';
import { circuit, connector } from './electronics.ts';
import { brick, metal, tile } from './hard.ts';
import { biscuit, keypad, label } from './household.ts';
import { gear, nut } from './machined.ts';
import { capsule, tablet } from './medicine.ts';
import { marble, wood } from './natural.ts';
import { foam, mesh } from './porous.ts';
import { dots, paper } from './printed.ts';
import { knit, leather, weave } from './textile.ts';
import { coin, flange, knob } from './turned.ts';

export interface Family {
  draw(random: Random, view: View): Rendering;
  role: Role;
  /** Names in captions; none belongs to another family. */
  nouns: readonly string[];
  /** Those of its role's defects come in streams; all of them where they are asked for. */
  defects: readonly DefectName[];
}

const surface = ['scratch', 'stain', 'contamination', 'discoloration'] as const;
const dropped = ['burn', 'thread'] as const;

export const families = {
  // For pretraining.
  weave: {
    draw: weave,
    role: 'pretrain',
    nouns: ['weave', 'woven fabric', 'woven cloth'],
    defects: ['hole', 'stain', 'contamination', 'discoloration', 'deformation', ...dropped],
  },
  metal: {
    draw: metal,
    role: 'pretrain',
    nouns: ['brushed metal', 'metal', 'metal plate'],
    defects: [...surface, 'hole', 'dent', 'burn'],
  },
  marble: {
    draw: marble,
    role: 'pretrain',
    nouns: ['marble', 'marble slab', 'polished stone'],
    defects: [...surface, 'crack', 'hole', 'thread'],
  },
  foam: {
    draw: foam,
    role: 'pretrain',
    nouns: ['foam', 'sponge', 'foam surface'],
    defects: ['stain', 'contamination', 'discoloration', 'crack', ...dropped],
  },
  dots: {
    draw: dots,
    role: 'pretrain',
    nouns: ['dot pattern', 'dotted print', 'dotted paper'],
    defects: [...surface, 'hole', 'missing', 'deformation', 'misprint', ...dropped],
  },
  paper: {
    draw: paper,
    role: 'pretrain',
    nouns: ['paper', 'sheet of paper', 'paper sheet'],
    defects: [...surface, 'crack', 'hole', 'misprint', 'dent', ...dropped],
  },
  brick: {
    draw: brick,
    role: 'pretrain',
    nouns: ['brick wall', 'brick', 'brick surface'],
    defects: ['crack', 'hole', 'stain', 'missing', 'discoloration', 'burn'],
  },
  mesh: {
    draw: mesh,
    role: 'pretrain',
    nouns: ['wire mesh', 'mesh', 'wire grid'],
    defects: ['missing', 'deformation', 'contamination', 'discoloration', ...dropped],
  },
  washer: {
    draw: washer,
    role: 'pretrain',
    nouns: ['washer', 'flat ring', 'ring washer'],
    defects: [...surface, 'crack', 'chip', 'deformation', 'dent', 'thread'],
  },
  capsule: {
    draw: capsule,
    role: 'pretrain',
    nouns: ['capsule', 'medicine capsule'],
    defects: [...surface, 'crack', 'hole', 'chip', 'deformation', 'dent', 'thread'],
  },
  connector: {
    draw: connector,
    role: 'pretrain',
    nouns: ['connector', 'pin connector', 'plug connector'],
    defects: [...surface, 'missing', 'chip', 'crack', 'burn'],
  },
  circuit: {
    draw: circuit,
    role: 'pretrain',
    nouns: ['circuit board', 'pcb', 'printed circuit'],
    defects: [...surface, 'missing', ...dropped],
  },
  flange: {
    draw: flange,
    role: 'pretrain',
    nouns: ['flange', 'pipe flange'],
    defects: [...surface, 'crack', 'chip', 'deformation', 'dent'],
  },
  knob: {
    draw: knob,
    role: 'pretrain',
    nouns: ['knob', 'rotary knob', 'control knob'],
    defects: [...surface, 'missing', 'chip', 'deformation', 'thread'],
  },
  coin: {
    draw: coin,
    role: 'pretrain',
    nouns: ['coin', 'metal coin'],
    defects: [...surface, 'hole', 'chip', 'deformation', 'dent'],
  },
  biscuit: {
    draw: biscuit,
    role: 'pretrain',
    nouns: ['biscuit', 'cookie'],
    defects: ['crack', 'hole', 'stain', 'contamination', 'discoloration', 'chip', 'deformation', 'burn'],
  },
  keypad: {
    draw: keypad,
    role: 'pretrain',
    nouns: ['keypad', 'key pad'],
    defects: [...surface, 'missing', 'crack', 'chip', 'burn'],
  },
  label: {
    draw: label,
    role: 'pretrain',
    nouns: ['label', 'printed label', 'sticker'],
    defects: [...surface, 'hole', 'chip', 'misprint', 'dent', 'thread'],
  },
  // For prompt training.
  wood: {
    draw: wood,
    role: 'prompt',
    nouns: ['wood', 'wood grain', 'wooden board'],
    defects: [...surface, 'crack', 'hole', 'deformation', 'dent', ...dropped],
  },
  knit: {
    draw: knit,
    role: 'prompt',
    nouns: ['knit', 'knitted wool', 'knitted fabric'],
    defects: ['hole', 'stain', 'contamination', 'discoloration', 'deformation', ...dropped],
  },
  tablet: {
    draw: tablet,
    role: 'prompt',
    nouns: ['tablet', 'pill', 'round pill'],
    defects: [...surface, 'crack', 'hole', 'chip', 'misprint', 'thread'],
  },
  nut: {
    draw: nut,
    role: 'prompt',
    nouns: ['nut', 'hexagonal nut', 'hex nut'],
    defects: [...surface, 'crack', 'chip', 'deformation', 'dent'],
  },
  // Held out from both.
  leather: {
    draw: leather,
    role: 'heldout',
    nouns: ['leather', 'piece of leather'],
    defects: [...surface, 'hole', 'crack', 'dent', ...dropped],
  },
  tile: {
    draw: tile,
    role: 'heldout',
    nouns: ['ceramic tile', 'tile', 'tiled wall'],
    defects: ['crack', 'missing', 'stain', 'discoloration', 'misprint', ...dropped],
  },
  gear: {
    draw: gear,
    role: 'heldout',
    nouns: ['gear', 'gear wheel', 'cog'],
    defects: [...surface, 'crack', 'missing', 'chip', 'dent', ...dropped],
  },
  cap: {
    draw: cap,
    role: 'heldout',
    nouns: ['bottle cap', 'crown cap', 'cap'],
    defects: [...surface, 'chip', 'deformation', 'dent', 'misprint', ...dropped],
  },
  button: {
    draw: button,
    role: 'heldout',
    nouns: ['button', 'shirt button'],
    defects: [...surface, 'crack', 'chip', 'misprint', 'dent', ...dropped],
  },
} satisfies Record<string, Family>;

export type FamilyName = keyof typeof families;

export const familyNames = Object.keys(families) as FamilyName[];
