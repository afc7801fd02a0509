// What the library gives.

/** How abnormal each place of an image is: the image squashed to the model's size, or of tiles with the image's aspect. */
export interface AnomalyMap {
  /** In pixels of the map. */
  readonly width: number;
  readonly height: number;
  /** width * height values in [0, 1], row by row from the top. */
  readonly data: Float32Array;
}

/** What `detect` says of one image. */
export interface Detection {
  /** Image anomaly score in [0, 1]. */
  readonly score: number;
  readonly map: AnomalyMap;
  /** Size of the image itself, in pixels, as it is to be looked at (EXIF orientation applied). */
  readonly image: { readonly width: number; readonly height: number };
  /**
   * `score >= threshold`; absent where the prompts carry no threshold (`faprompt calibrate`), or one that was chosen with
   * other tiles.
   */
  readonly anomalous?: boolean;
  /** Milliseconds of each part; `compile` only where something was compiled. */
  readonly times: { readonly decode: number; readonly compile: number; readonly compute: number };
  /** Each abnormality prompt alone, in their order; only with `perPrompt`. */
  readonly prompts?: readonly PromptDetection[];
}

/** What one abnormality prompt says of an image (`faprompt detect --per-prompt`). */
export interface PromptDetection {
  /** What it adds to the cosine of the image with the abnormal prototype: those of all prompts add up to it. */
  readonly contribution: number;
  /** Probability that the image is abnormal, by this prompt alone. */
  readonly probability: number;
  readonly map: AnomalyMap;
}

/** What was loaded, and onto what. */
export interface DetectorInfo {
  /** Adapter and driver in words. */
  readonly adapter: string;
  /** A software rasteriser: slow. */
  readonly software: boolean;
  readonly clip: {
    /** Its file's name or address. */
    readonly name: string;
    /** Of the weights' bytes, in hexadecimal. */
    readonly sha256: string;
    /** How many numbers it has. */
    readonly parameters: number;
    /** Side of a patch in pixels. */
    readonly patch: number;
    /** Side of the images that it was trained on, in pixels. */
    readonly imageResolution: number;
    /** What the file says about itself. */
    readonly notice?: string;
  };
  /** Side of images and maps in pixels. */
  readonly size: number;
  /** Squares that images are looked at in; absent: whole. */
  readonly tiles?: {
    /** Along the image's shorter side. */
    readonly count: number;
    /** Share of a square that its neighbour covers too. */
    readonly overlap: number;
  };
  /** Absent until prompts were given, or taken unasked at the first image. */
  readonly prompts?: {
    /** Score in [0, 1] from which an image counts as anomalous (`faprompt calibrate`). */
    readonly threshold?: number;
    /** How they were trained, in words. */
    readonly training: Readonly<Record<string, string | number>>;
    /** How many abnormality prompts can be looked at alone (`perPrompt`, of whole images); absent where none can. */
    readonly abnormalities?: number;
  };
  /** Bytes of GPU memory held. */
  readonly memory: number;
}

/** Weights in the browser's storage (OPFS), as `listWeights` has them. */
export interface StoredWeights {
  /** The address that they came from: what `removeWeights` wants. */
  readonly url: string;
  /** Of the whole file. */
  readonly bytes: number;
  /** Bytes that are there: fewer than `bytes` after a download that was cut, which goes on from there. */
  readonly stored: number;
  /** In hexadecimal; absent until complete. */
  readonly sha256?: string;
  /** When it was last written to, in milliseconds since 1970. */
  readonly time: number;
}

/** What `storageUse` says. */
export interface StorageUse {
  /** Bytes in use by this origin, and the most that the browser grants; 0 where it does not say. */
  readonly usage: number;
  readonly quota: number;
  /** false: there is no storage here (private window); weights are read anew each time. */
  readonly available: boolean;
}
