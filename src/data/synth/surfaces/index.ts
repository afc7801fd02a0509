/** The table of surfaces: how each is drawn and which defects happen to it. */
import type { Random } from '../../random.ts';
import type { Rendering } from '../canvas.ts';
import type { DefectName } from '../defects/index.ts';
import { metal, tile } from './hard.ts';
import { wood } from './natural.ts';
import { dots } from './printed.ts';
import { leather, weave } from './textile.ts';

export interface Surface {
  draw(random: Random, size: number): Rendering;
  defects: readonly DefectName[];
}

export const surfaces = {
  weave: { draw: weave, defects: ['hole', 'stain', 'thread'] },
  wood: { draw: wood, defects: ['scratch', 'crack', 'hole', 'stain'] },
  metal: { draw: metal, defects: ['scratch', 'dent', 'stain'] },
  tile: { draw: tile, defects: ['crack', 'missing', 'stain'] },
  leather: { draw: leather, defects: ['scratch', 'hole', 'crack', 'thread'] },
  dots: { draw: dots, defects: ['missing', 'stain', 'thread', 'scratch'] },
} satisfies Record<string, Surface>;

export type SurfaceName = keyof typeof surfaces;

export const surfaceNames = Object.keys(surfaces) as SurfaceName[];
