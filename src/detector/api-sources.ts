/// <reference lib="dom" preserve="true" />
// What the library takes images, files and prompts from.

/** RGB pixels, 3 bytes each, row by row from the top. */
export interface RgbPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * An image. A string is an address (in a browser relative to the page), in Node also a path; bytes and Blobs are image
 * files. Pixels are taken as they are stored: no colour management, alpha dropped, EXIF orientation applied.
 */
export type ImageSource =
  | string
  | URL
  | Blob
  | Uint8Array
  | RgbPixels
  | ImageData
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas;

/** A file: by address (in Node also a path), as a Blob (a File keeps its place on the disk), or as bytes. */
export type FileSource = string | URL | Blob | Uint8Array;

/** Hand-written prompts in place of trained ones: nothing is learned. */
export interface WrittenSource {
  /** A method that needs no training, by its name in `faprompt eval --method`; default `prompt-ensemble`. */
  readonly method?: string;
  /** What the images show, in English: "metal nut". Default: "object". */
  readonly object?: string;
  /**
   * bpe_simple_vocab_16e6.txt(.gz) or merges.txt, for a CLIP that does not carry its own word list; BERT's vocab.txt for
   * a BLIP. Default: `faprompt/weights/clip-merges.txt.gz`, for hand-written prompts and `classify` in a browser also
   * where a page's tools lost it.
   */
  readonly vocabulary?: FileSource;
}

/** Trained prompts that name what the images show (of CoOp, APRIL-GAN, FiLO), or that are a BLIP's. */
export interface TrainedSource {
  /** prompts.safetensors of a training run. */
  readonly file: FileSource;
  /** What the images show, in English: "metal nut". Default: "object". */
  readonly object?: string;
  /** As of WrittenSource. */
  readonly vocabulary?: FileSource;
}

/** prompts.safetensors of a training run, the same with what it needs besides, or hand-written ones. */
export type PromptsSource = FileSource | TrainedSource | WrittenSource;

/**
 * CLIP weights in any format that `faprompt --clip` reads. Several files: the one to open first, then its
 * neighbours (shards, config.json), found by their names.
 */
export type ClipSource = FileSource | readonly File[];

/** Squares along the shorter side of an image, with the share that neighbours overlap by (default 0.25); `false`: none. */
export type TileSource = number | { readonly count: number; readonly overlap?: number } | false;
