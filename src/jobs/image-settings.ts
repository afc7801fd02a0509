// Side of the images, and what a method takes from the image encoder: as chosen, or the defaults.
import type { TileOptions } from '../base/tile-options.ts';
import type { ClipConfig } from '../model/clip/config.ts';
import { checkImageSize, defaultImageSize } from '../model/clip/image-graph.ts';
import { checkNeeds, type ImageNeeds } from '../model/clip/needs.ts';
import type { Method } from '../model/methods/method.ts';

export interface ImageChoice {
  readonly imageSize?: number | undefined;
  readonly dualLayers?: number | undefined;
}

export interface ImageSettings {
  readonly imageSize: number;
  readonly needs: ImageNeeds;
  /** How large images are looked at; absent: whole. */
  readonly tiles?: TileOptions | undefined;
}

/** Says in the caller's words what does not fit; `method`: what it needs is not to be had of the CLIP. */
export type Refuse = (option: 'imageSize' | 'dualLayers' | 'method', problem: string) => never;

/** @throws what `refuse` throws */
export function imageSettings(
  config: ClipConfig,
  method: Pick<Method, 'needs' | 'checkSize'>,
  { imageSize = defaultImageSize(config), dualLayers }: ImageChoice,
  refuse: Refuse,
): ImageSettings & { readonly dualLayers: number } {
  const check = (option: 'imageSize' | 'method', work: () => void) => {
    try {
      work();
    } catch (error) {
      refuse(option, (error as Error).message);
    }
  };
  check('imageSize', () => checkImageSize(config, imageSize));
  const blocks = config.visionLayers;
  if (
    dualLayers !== undefined &&
    !(Number.isSafeInteger(dualLayers) && dualLayers >= 0 && dualLayers <= blocks)
  )
    refuse('dualLayers', `expected at most the ${blocks} blocks of the image encoder, found ${dualLayers}`);
  const needs = method.needs(config, { dualLayers });
  check('method', () => {
    checkNeeds(needs, config, imageSize);
    method.checkSize?.(config, imageSize);
  });
  return { imageSize, needs, dualLayers: needs.dualLayers };
}
