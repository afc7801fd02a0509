// The small CLIP that ships with the package, and prompts for it, wherever a page's tools left them.
import type { FileSource, LoadOptions } from './api.ts';
import { DetectorError } from './errors.ts';
import type { ModelOptions } from './local.ts';
import type { Shipped } from './public.ts';

interface ShippedModel {
  readonly clip: FileSource;
  readonly prompts: FileSource;
}

/**
 * Options with the shipped CLIP: the files beside the package, by address (bundlers that know the pattern move them
 * along). Where they are not, what the library carries: a chunk of its own, loaded only then.
 */
export async function withShippedModel(options: LoadOptions): Promise<ModelOptions> {
  const { clip, prompts } = await shippedModel(options.signal);
  return { ...options, clip, prompts: options.prompts ?? prompts };
}

async function shippedModel(signal?: AbortSignal): Promise<ShippedModel> {
  const clip = new URL('../../weights/small-clip.safetensors', import.meta.url);
  const prompts = new URL('../../weights/small-prompts.safetensors', import.meta.url);
  if (await served(clip, signal)) return { clip: clip.href, prompts: prompts.href };
  const [{ default: clipBytes }, { default: promptBytes }] = await Promise.all([
    import('inlined:clip'),
    import('inlined:prompts'),
  ]);
  if (!clipBytes || !promptBytes)
    throw new DetectorError('network', `${clip}: there is no small CLIP here`, {
      hint: 'name a CLIP by `clip`',
      file: clip.href,
    });
  return { clip: clipBytes, prompts: promptBytes };
}

let vocabulary: Promise<FileSource | undefined> | undefined;

// In functions: where a bundler leaves no address of the module, only what needs one fails.
const vocabularyPlace = () => new URL('../../weights/clip-merges.txt.gz', import.meta.url);

async function findVocabulary(): Promise<FileSource | undefined> {
  const url = vocabularyPlace();
  if (await served(url, undefined)) return url.href;
  return (await import('inlined:vocabulary')).default;
}

export const shipped: Shipped = {
  vocabulary() {
    vocabulary ??= findVocabulary();
    return vocabulary;
  },
  vocabularyPlace() {
    try {
      return vocabularyPlace().href;
    } catch {
      return undefined;
    }
  },
  prompts: () => new URL('../../weights/small-prompts.safetensors', import.meta.url).href,
};

/** Servers of single-page applications answer any address with a page. Without a network the storage may have it. */
async function served(url: URL, signal: AbortSignal | undefined): Promise<boolean> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  try {
    const { ok, headers } = await fetch(url, { method: 'HEAD', signal: signal ?? null });
    return ok && !/text\/html/.test(headers.get('content-type') ?? '');
  } catch {
    signal?.throwIfAborted();
    return true;
  }
}
