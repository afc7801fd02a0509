// Names without the prefixes that training frameworks put before those of a model.
import { type TensorFile, type TensorInfo, tensorFile } from '../../formats/tensor-file.ts';

/** Segments that wrappers put into names at any depth: DataParallel, torch.compile, FSDP, checkpointing. */
const wrappers = /(^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)(?=\.)/g;

/** Copies of a model that are kept beside it while it is trained. */
const copies = /(^|[._])(ema|teacher|momentum|swa|averaged|shadow|target|moving|old|init|frozen)([._]|$)/i;

export interface Unwrapped {
  /** Own name of each of the model's tensors -> name in the file. */
  readonly names: ReadonlyMap<string, string>;
  /** What was taken off, `` where nothing was. */
  readonly prefix: string;
  /** Names of tensors outside of the prefix: another model's, an optimizer's. */
  readonly outside: readonly string[];
}

/**
 * Finds the model in a file by names that it must have. Where several copies are there, the one is taken that is not
 * named as a copy; of several the one with the shortest prefix.
 * @param anchors ends of names, each of which only this kind of model has
 * @returns undefined where no tensor has such a name
 */
export function unwrap({ tensors }: TensorFile, anchors: readonly string[]): Unwrapped | undefined {
  const plain = new Map<string, string>();
  for (const name of tensors.keys()) {
    const own = name.replace(wrappers, '');
    const bare = own.startsWith('.') ? own.slice(1) : own;
    // Two tensors that only a wrapper tells apart: the unwrapped one counts.
    if (!plain.has(bare) || name === bare) plain.set(bare, name);
  }
  const prefixes = new Set<string>();
  for (const name of plain.keys())
    for (const anchor of anchors)
      if (name === anchor || name.endsWith(`.${anchor}`)) prefixes.add(name.slice(0, -anchor.length));
  if (prefixes.size === 0) return undefined;
  const rank = (prefix: string): number => (copies.test(prefix) ? 1000 : 0) + prefix.split('.').length;
  const [prefix = ''] = [...prefixes].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const others = [...prefixes].filter((other) => other !== prefix && other.startsWith(prefix));
  const names = new Map<string, string>();
  const outside: string[] = [];
  for (const [bare, name] of plain)
    if (bare.startsWith(prefix) && !others.some((other) => bare.startsWith(other)))
      names.set(bare.slice(prefix.length), name);
    else outside.push(name);
  return { names, prefix, outside };
}

/** The model's tensors under their own names. */
export function unwrapped(file: TensorFile, { names }: Unwrapped): TensorFile {
  const tensors = new Map([...names].map(([own, name]) => [own, file.tensors.get(name)!]));
  return tensorFile<TensorInfo>(file.source.name, tensors, file.metadata, (own, _, start, length) =>
    file.readBytes(names.get(own)!, start, length),
  );
}

/** Names of a file for messages: the first few. */
export function nameSamples({ tensors }: TensorFile): string {
  const names = [...tensors.keys()];
  const some = names.slice(0, 4).join(', ');
  return names.length === 0
    ? 'no tensors'
    : `${names.length} tensors: ${some}${names.length > 4 ? ', ...' : ''}`;
}
