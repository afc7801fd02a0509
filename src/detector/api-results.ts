// What the library gives.

/**
 * Values in [0, 1], row by row from the top: the image squashed to the model's size, or of tiles with the image's aspect.
 */
export interface AnomalyMap {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export interface Detection {
  /** Image anomaly score in [0, 1]. */
  readonly score: number;
  readonly map: AnomalyMap;
  /** Size of the image itself. */
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
    readonly name: string;
    readonly sha256: string;
    readonly parameters: number;
    readonly patch: number;
    /** Side of the images that it was trained on. */
    readonly imageResolution: number;
    /** What the file says about itself. */
    readonly notice?: string;
  };
  /** Side of images and maps in pixels. */
  readonly size: number;
  /** Squares that images are looked at in; absent: whole. */
  readonly tiles?: { readonly count: number; readonly overlap: number };
  readonly prompts?: {
    readonly threshold?: number;
    /** How they were trained, in words. */
    readonly training: Readonly<Record<string, string | number>>;
    /** How many abnormality prompts can be looked at alone (`perPrompt`, of whole images); absent where none can. */
    readonly abnormalities?: number;
  };
  /** Bytes of GPU memory held. */
  readonly memory: number;
}

/** Weights in the browser's storage. */
export interface StoredWeights {
  /** The address that they came from: what `removeWeights` wants. */
  readonly url: string;
  readonly bytes: number;
  /** Bytes that are there: fewer than `bytes` after a download that was cut, which goes on from there. */
  readonly stored: number;
  /** In hexadecimal; absent until complete. */
  readonly sha256?: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

export interface StorageUse {
  /** Bytes in use by this origin, and the most that the browser grants; 0 where it does not say. */
  readonly usage: number;
  readonly quota: number;
  /** false: there is no storage here (private window); weights are read anew each time. */
  readonly available: boolean;
}
