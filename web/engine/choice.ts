// Which CLIP and which prompts are in use.
import type { ClipSource, FileSource } from '../../src/detector/index.ts';

export interface ModelChoice {
  readonly clip: {
    readonly label: string;
    readonly source: ClipSource;
    /** It was trained on generated images alone: what it says of photographs is a hint at best. */
    readonly generatedOnly?: true;
  };
  /** Absent: none yet, to be chosen or trained. */
  readonly prompts?: { readonly label: string; readonly source: FileSource };
  /** Side in pixels to which images are squashed; absent: what the prompts were trained at. */
  readonly size?: number;
}

/** Beside the page, wherever it lies. */
const shipped = (name: string): URL => new URL(`weights/${name}`, document.baseURI);

/** What comes with the page. */
export const shippedChoice = (): ModelChoice => ({
  clip: { label: 'Small CLIP', source: shipped('small-clip.safetensors'), generatedOnly: true },
  prompts: { label: 'General prompts', source: shipped('small-prompts.safetensors') },
});
