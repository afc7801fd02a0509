// What a command detects with: trained prompts, a method that needs no training, or the best that there is for the CLIP.

import { packageFile } from '../base/package.node.ts';
import { kebab } from '../base/text.ts';
import {
  defaultOverlap,
  describeTiles,
  isTileOptions,
  sameTiles,
  type TileOptions,
  tilesExpected,
} from '../base/tile-options.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { openFile } from '../formats/source.node.ts';
import type { Method } from '../model/methods/method.ts';
import { bestWritten, namedMethods } from '../model/methods/named.ts';
import { withObject } from '../model/methods/parse.ts';
import { type Prompts, promptsInfo } from '../model/methods/prompts-file.ts';
import { smallClip } from '../model/shipped.ts';
import { type Io, UsageError } from './io.ts';
import { type ClipSession, imageOptions, loadPrompts } from './session.ts';

export interface MethodChoice {
  readonly prompts?: string;
  readonly method?: string;
  /** What the images show, for prompts that name it. */
  readonly object?: string;
  readonly vocabulary?: string;
  /** A detector's boxes. */
  readonly boxes?: string;
  readonly imageSize?: number;
  readonly dualLayers?: number;
  /** Squares along an image's shorter side; false: --no-tiles. */
  readonly tiles?: number | false;
  readonly tileOverlap?: number;
  readonly allowOtherClip?: boolean;
}

/** The prompts, looking at images as was asked for, else as they were stored. @throws UsageError */
export function withTiles(prompts: Prompts, { tiles: count, tileOverlap }: MethodChoice): Prompts {
  if (tileOverlap !== undefined && (count === undefined || count === false))
    throw new UsageError('--tile-overlap: only with --tiles');
  if (count === undefined) return prompts;
  const { tiles: _, ...whole } = prompts;
  if (count === false) return whole;
  const tiles = { count, overlap: tileOverlap ?? defaultOverlap };
  if (!isTileOptions(tiles))
    throw new UsageError(`--tiles: expected ${tilesExpected}, found ${JSON.stringify(tiles)}`);
  return { ...prompts, tiles };
}

/**
 * The threshold that was asked for, or the stored one.
 * @throws UsageError where that was chosen for images that were looked at otherwise: scores of tiles are larger
 */
export function thresholdOf(
  { prompts, stored }: Pick<Chosen, 'prompts' | 'stored'>,
  given: number | false | undefined,
): number | undefined {
  if (given !== undefined) return given === false ? undefined : given;
  const { threshold, tiles } = prompts;
  if (threshold === undefined || sameTiles(tiles, stored)) return threshold?.threshold;
  throw new UsageError(
    `the stored threshold was chosen with ${describeTiles(stored)}, found ${describeTiles(tiles)}: calibrate anew, or give --threshold or --no-threshold`,
  );
}

/** @throws UsageError for options that exclude each other */
export function checkMethodOptions(given: MethodChoice): void {
  if (given.prompts === undefined) return;
  for (const name of ['method', 'imageSize', 'dualLayers'] as const)
    if (given[name] !== undefined)
      throw new UsageError(
        `--${kebab(name)}: not with --prompts, which ${name === 'method' ? 'are a method' : 'say it'} themselves`,
      );
}

export interface Chosen {
  /** A method without training is prompts of which nothing was learned. */
  readonly prompts: Prompts;
  /** Tiles that the stored threshold was chosen with. */
  readonly stored: TileOptions | undefined;
  /** For results: the file, or the method's name. */
  readonly label: { readonly prompts: string } | { readonly method: string };
}

/** Says what was chosen where nothing was asked for. */
export async function choosePrompts(io: Io, session: ClipSession, given: MethodChoice): Promise<Chosen> {
  const { prompts, label } = await openPrompts(io, session, given);
  return { prompts: withTiles(prompts, given), stored: prompts.tiles, label };
}

async function openPrompts(
  io: Io,
  session: ClipSession,
  given: MethodChoice,
): Promise<Pick<Chosen, 'prompts' | 'label'>> {
  if (given.prompts !== undefined)
    return {
      prompts: await loadPrompts(session, given.prompts, given.allowOtherClip),
      label: { prompts: given.prompts },
    };
  if (given.method === undefined && given.imageSize === undefined && given.dualLayers === undefined) {
    const own = packageFile(smallClip.prompts);
    if ((await clipOf(own)) === session.sha256) {
      const prompts = await loadPrompts(session, own);
      const limit = prompts.threshold
        ? '; pass and fail hold for drawings like its own: for photographs, calibrate on good ones (faprompt calibrate)'
        : '';
      io.note(`no --prompts and no --method: the prompts that ship with the small CLIP${limit}`);
      return { prompts, label: { prompts: own } };
    }
  }
  const method = namedMethods.get(given.method ?? bestWritten)!;
  if (given.method === undefined)
    io.note(
      `no --prompts and no --method: ${method.title} (--method ${method.name}${given.object === undefined ? '; --object "metal nut" says what the images show' : ''})`,
    );
  return { prompts: writtenPrompts(session, method, given), label: { method: method.name } };
}

/** A method of which nothing is learned, as prompts for a CLIP: so it is stored with a threshold, too. */
export function writtenPrompts(session: ClipSession, method: Method, given: MethodChoice): Prompts {
  const { imageSize, dualLayers } = imageOptions(session.clip.config, method, given);
  return {
    method: given.object === undefined ? method : withObject(method, given.object),
    clip: session.sha256,
    imageSize,
    dualLayers,
    training: {},
    learnables: new Map(),
  };
}

async function clipOf(file: string): Promise<string> {
  const source = await openFile(file);
  try {
    return promptsInfo(await readSafetensors(source)).clip;
  } finally {
    await source.close();
  }
}
