// What a method takes from the image encoder: a value, so that features can be shared and kept by it.
import type { Shape } from '../../kernels/tensor.ts';
import type { ClipConfig } from './config.ts';
import type { PositionResize } from './positions.ts';

export interface ImageNeeds {
  /** Trailing blocks that carry the V-V stream, which the patches are of; 0: patches of the ordinary stream. */
  readonly dualLayers: number;
  /** Whether the class feature passes ln_post, as in CLIP itself; FAPrompt and AnomalyCLIP leave it out. */
  readonly classNorm: boolean;
  /** Patch features in the joint space: unit vectors, or as they are; `none`: not wanted. */
  readonly patches: 'unit' | 'raw' | 'none';
  /** The class feature in the joint space: a unit vector, or as it is. */
  readonly image: 'unit' | 'raw';
  /** Blocks, counted from 1, after which the residual stream's patch tokens are wanted, as they are. */
  readonly taps: readonly number[];
  /** The same of the V-V stream. */
  readonly vvTaps: readonly number[];
  /**
   * Taps that a later addition in place has changed (FiLO's published code, CLIP Surgery): they have the attention output
   * of the following block in them.
   */
  readonly aliasedTaps: boolean;
  /** Sides of square windows of patches, each of which is encoded alone (WinCLIP). */
  readonly windows: readonly number[];
  /** Class features of other views of the image (views.ts). */
  readonly views: 'none' | 'anovl';
  /** How the position table is brought to the grid of the image. */
  readonly positions: PositionResize;
  /** Filter with which images are brought to size. */
  readonly filter: 'bicubic' | 'bilinear';
}

/** FAPrompt's and AnomalyCLIP's needs; others are told by what differs. */
export const fapromptNeeds = (dualLayers: number): ImageNeeds => ({
  dualLayers,
  classNorm: false,
  patches: 'unit',
  image: 'unit',
  taps: [],
  vvTaps: [],
  aliasedTaps: false,
  windows: [],
  views: 'none',
  positions: 'bilinear',
  filter: 'bicubic',
});

/** CLIP's own features: ordinary patch tokens, class feature with ln_post. */
export const clipNeeds: ImageNeeds = { ...fapromptNeeds(0), classNorm: true };

/** The same text for the same needs. */
export const needsKey = (needs: ImageNeeds): string =>
  JSON.stringify([
    needs.dualLayers,
    needs.classNorm,
    needs.patches,
    needs.image,
    needs.taps,
    needs.vvTaps,
    needs.aliasedTaps,
    needs.windows,
    needs.views,
    needs.positions,
    needs.filter,
  ]);

/** Views that are encoded for `views: 'anovl'`: the image and 21 others. */
export const anovlViews = 22;

/** Windows of side `side` on a grid, stride 1. */
export const windowCount = (grid: number, side: number): number => Math.max(0, grid - side + 1) ** 2;

/**
 * Name -> shape of the features of one image, in a fixed order: `image` [E], `patches` [n, E], `tap6` and `vv6` [n, D],
 * `window2` [W, E], `views` [22, E].
 * @param size side of the image in pixels
 */
export function featureShapes(needs: ImageNeeds, config: ClipConfig, size: number): Map<string, Shape> {
  const { embedDim, visionWidth, patch } = config;
  const grid = size / patch;
  const shapes = new Map<string, Shape>([['image', [embedDim]]]);
  if (needs.patches !== 'none') shapes.set('patches', [grid * grid, embedDim]);
  for (const block of needs.taps) shapes.set(`tap${block}`, [grid * grid, visionWidth]);
  for (const block of needs.vvTaps) shapes.set(`vv${block}`, [grid * grid, visionWidth]);
  for (const side of needs.windows) shapes.set(`window${side}`, [windowCount(grid, side), embedDim]);
  if (needs.views === 'anovl') shapes.set('views', [anovlViews, embedDim]);
  return shapes;
}

/** @throws RangeError for needs that a CLIP, or images of a size, cannot meet */
export function checkNeeds(needs: ImageNeeds, config: ClipConfig, size: number): void {
  if (needs.dualLayers > config.visionLayers)
    throw new RangeError(
      `V-V blocks: expected at most the ${config.visionLayers} blocks of the image encoder, found ${needs.dualLayers}`,
    );
  const tap = [...needs.taps, ...needs.vvTaps].find((block) => block < 1 || block > config.visionLayers);
  if (tap !== undefined)
    throw new RangeError(
      `taps: expected blocks 1 to ${config.visionLayers} of the image encoder, found ${tap}`,
    );
  const first = config.visionLayers - needs.dualLayers;
  const early = needs.vvTaps.find((block) => block <= first);
  if (early !== undefined)
    throw new RangeError(
      `V-V taps: expected blocks after ${first}, where the V-V stream begins, found ${early}`,
    );
  const grid = size / config.patch;
  const side = needs.windows.find((each) => each > grid);
  if (side !== undefined)
    throw new RangeError(
      `windows of ${side} x ${side} patches: expected a larger image, found ${grid} x ${grid} patches`,
    );
}
