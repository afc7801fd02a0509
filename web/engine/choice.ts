// Which CLIP and which prompts are in use.
import type { ClipSource, FileSource, PromptsSource } from '../../src/detector/index.ts';

export interface ModelChoice {
  readonly clip: {
    readonly label: string;
    readonly source: ClipSource;
    /** What the file must hash to, where that is known. */
    readonly sha256?: string;
  };
  /** Absent: none yet, to be chosen or trained. */
  readonly prompts?: PromptsChoice;
  /** Side in pixels to which images are squashed; absent: what the prompts were trained at. */
  readonly size?: number;
  /** Squares along a photograph's shorter side, false: whole; absent: as the prompts say, most of which say nothing. */
  readonly tiles?: number | false;
}

/** What the library is told beside the CLIP and the prompts. */
export const howToLook = ({ size, tiles }: ModelChoice) => ({
  ...(size ? { size } : {}),
  ...(tiles === undefined ? {} : { tiles }),
});

export interface PromptsChoice {
  readonly label: string;
  readonly source: PromptsSource;
  /** The same for the same prompts: a limit belongs to it. */
  readonly id: string;
}

/** Set by the build: sha256 of the CLIPs and the prompts that come with the page. */
declare const shippedClipHash: string;
declare const shippedPromptsHash: string;
declare const photoClipHash: string;

/**
 * What a CLIP of this page learnt from: drawings above all, or a few thousand photographs too. What it says of photographs is
 * a hint (weights/README.md). undefined: another CLIP.
 */
export type Learnt = 'drawings' | 'photographs';
export function learntFrom(sha256: string | undefined): Learnt | undefined {
  if (sha256 === undefined) return undefined;
  if (sha256 === shippedClipHash) return 'drawings';
  return sha256 === photoClipHash ? 'photographs' : undefined;
}

/** Beside the page, wherever it lies. */
const shipped = (name: string): URL => new URL(`weights/${name}`, document.baseURI);

/** What comes with the page. */
export const shippedChoice = (): ModelChoice => ({
  clip: { label: 'Small CLIP', source: shipped('small-clip.safetensors') },
  prompts: { label: 'General prompts', source: shipped('small-prompts.safetensors'), id: shippedPromptsHash },
});

/** A choice of an earlier visit, with the prompts that the page brings now in place of those that it brought then. */
export function brought(choice: ModelChoice): ModelChoice {
  const { prompts } = shippedChoice();
  const same = asText(choice.prompts?.source) === asText(prompts!.source);
  return same && choice.prompts!.id !== prompts!.id ? { ...choice, prompts: prompts! } : choice;
}

/** For photographs: fetched only when it is chosen. */
export const photoChoice = (): ModelChoice => ({
  clip: { label: 'CLIP for photographs', source: shipped('photo-clip.safetensors'), sha256: photoClipHash },
  prompts: writtenChoice(''),
});

/** The choice that a CLIP of this page belongs to. */
export const choiceOf = (learnt: Learnt): ModelChoice =>
  learnt === 'drawings' ? shippedChoice() : photoChoice();

/** Hand-written prompts about something, in English; empty: about an object of any kind. */
export function writtenChoice(object: string): PromptsChoice {
  const named = object.trim().replace(/\s+/g, ' ');
  return {
    label: named === '' ? 'no training' : `no training, “${named}”`,
    source: {
      ...(named === '' ? {} : { object: named }),
      // For CLIPs that do not carry their words.
      vocabulary: shipped('clip-merges.txt.gz'),
    },
    id: `written ${named}`,
  };
}

/** What hand-written prompts are about; undefined: these are others. */
export const writtenObject = (prompts: PromptsChoice | undefined): string | undefined =>
  prompts?.id.startsWith('written ') ? prompts.id.slice('written '.length) : undefined;

/** Prompts from a file or a training run, known by their content. */
export async function promptsFrom(label: string, content: Blob): Promise<PromptsChoice> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await content.arrayBuffer()));
  return {
    label,
    source: content,
    id: Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join(''),
  };
}

/** Whether two choices come to the same scores. */
export const sameChoice = (a: ModelChoice, b: ModelChoice): boolean =>
  a.clip.label === b.clip.label &&
  a.clip.sha256 === b.clip.sha256 &&
  a.prompts?.id === b.prompts?.id &&
  a.size === b.size &&
  a.tiles === b.tiles &&
  asText(a.clip.source) === asText(b.clip.source);

/** As it is kept: addresses as texts, files as they are. */
export const storable = (choice: ModelChoice): ModelChoice => ({
  ...choice,
  clip: { ...choice.clip, source: asText(choice.clip.source) as ClipSource },
  ...(choice.prompts ? { prompts: { ...choice.prompts, source: withTexts(choice.prompts.source) } } : {}),
});

const asText = (source: unknown): unknown => (source instanceof URL ? source.href : source);

/** A vocabulary's address is one too. */
function withTexts(source: PromptsSource): PromptsSource {
  const text = asText(source) as PromptsSource;
  return typeof text === 'object' && 'vocabulary' in text
    ? { ...text, vocabulary: asText(text.vocabulary) as FileSource }
    : text;
}
