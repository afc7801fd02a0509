// What differs between a browser and Node: how an image is decoded and how a file is opened.
import type { Mask, RgbImage } from '../data/image.ts';
import type { ByteSource } from '../formats/source.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { ClipSource, Progress, Warning } from './api.ts';
import type { PortableImage } from './portable.ts';

export interface OpenedFile {
  readonly source: ByteSource;
  readonly from: NonNullable<Progress['from']>;
  /** sha256 of the file, where it is known already; the bytes are then checked by whoever knows it. */
  readonly sha256?: string;
  /** All bytes were reported to `onBytes` while it was opened: reading them is no progress. */
  readonly counted?: boolean;
  close?(): Promise<void>;
}

export interface OpenedFiles {
  readonly main: OpenedFile;
  /** A file of the same folder by its name; undefined: there is none. */
  beside(name: string): Promise<OpenedFile | undefined>;
}

export interface OpenOptions {
  readonly cache: boolean;
  /** Of the file, where it is known. */
  readonly sha256?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of a file that came while it was opened. */
  readonly onBytes: (file: string, done: number, total: number) => void;
  readonly onWarning: (warning: Warning) => void;
}

export interface Environment {
  /** @throws ImageError, UnreachableError */
  decodeImage(gpu: Gpu, image: PortableImage): Promise<RgbImage>;
  /** @throws ImageError, MaskError unless of the expected size */
  decodeMask(gpu: Gpu, mask: PortableImage, expected: { width: number; height: number }): Promise<Mask>;
  /** @throws WeightsError, UnreachableError */
  open(file: ClipSource, options: OpenOptions): Promise<OpenedFiles>;
  /** Removes what was stored and turned out to be damaged. @returns true where opening it again will help */
  repair?(error: unknown, onWarning: OpenOptions['onWarning']): Promise<boolean>;
  /** An incremental sha256. */
  hasher(): Hasher;
}

export interface Hasher {
  update(bytes: Uint8Array): void;
  /** In hexadecimal. */
  digest(): string;
}
