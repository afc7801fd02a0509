// PyTorch's .pt and .pth files: a zip archive with a pickle of the structure and one entry per storage.

import { WeightsError } from '../errors.ts';
import { type DType, dtypeBytes } from '../safetensors-header.ts';
import { type ByteSource, readExactly } from '../source.ts';
import { type TensorFile, tensorFile } from '../tensor-file.ts';
import { checkStored, readZip, type ZipEntry, zipDataOffset } from '../zip.ts';
import type { Storage, TorchModule, TorchTensor } from './objects.ts';
import { maxPickleBytes, unpickle } from './pickle.ts';
import { collectTensors, selectState } from './state.ts';
import { extent, isRowMajor, readStrided } from './strided.ts';
import {
  describe,
  isGlobal,
  isPlaceholder,
  type PickleGlobal,
  type PickleObject,
  type PickleValue,
  type Placeholder,
  placeholder,
} from './values.ts';

const storageTypes: ReadonlyMap<string, DType> = new Map(
  Object.entries({
    FloatStorage: 'F32',
    DoubleStorage: 'F64',
    HalfStorage: 'F16',
    BFloat16Storage: 'BF16',
    LongStorage: 'I64',
    IntStorage: 'I32',
    ShortStorage: 'I16',
    CharStorage: 'I8',
    ByteStorage: 'U8',
    BoolStorage: 'BOOL',
  }),
);

/** PyTorch itself allows 64; those of a CLIP have 4 at most. */
const maxRank = 8;

/**
 * Reads the directory of tensors of a PyTorch archive (`torch.save` since 1.6, and TorchScript). Where the file holds
 * more than one state dict's worth (a training checkpoint), the model's is taken.
 * Objects of other classes beside the tensors (options, dates, numpy scalars) become placeholders: nothing is executed.
 * @throws WeightsError for damage, for compressed or encrypted tensors, and for a file without tensors
 */
export async function readTorch(source: ByteSource): Promise<TensorFile> {
  const file = source.name;
  const entries = await readZip(source);
  const main = [...entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (main === undefined)
    throw new WeightsError({ file, expected: 'a PyTorch archive (data.pkl)', found: 'another zip archive' });
  const root = main.slice(0, -'data.pkl'.length);
  await checkByteOrder(source, entries.get(`${root}byteorder`));
  const constants = entries.get(`${root}constants.pkl`);
  const script = constants !== undefined;
  const foreign = new Set<string>();
  const archive: Archive = { source, entries, script, foreign };
  const state = await readPickle(archive, entries.get(main)!, `${root}data/`);
  const tensors = collectTensors(script ? state : selectState(state), file);
  if (constants) {
    const values = await readPickle(archive, constants, `${root}constants/`);
    for (const [i, tensor] of collectTensors(values, file)) tensors.set(`CONSTANTS.c${i}`, tensor);
  }
  if (tensors.size === 0) {
    const objects = foreign.size > 0 ? `; the Python objects ${[...foreign].join(', ')} are not read` : '';
    throw new WeightsError({ file, expected: 'tensors', found: `none${objects}` });
  }
  const ordered = [...tensors].sort(
    ([, a], [, b]) => a.storage.entry.header - b.storage.entry.header || a.offset - b.offset,
  );
  const dataOffsets = new Map<ZipEntry, Promise<number>>();
  const dataOffset = (entry: ZipEntry): Promise<number> => {
    const known = dataOffsets.get(entry) ?? zipDataOffset(source, entry);
    dataOffsets.set(entry, known);
    return known;
  };
  const opened = tensorFile(file, new Map(ordered), new Map(), async (tensor, info, start, length) => {
    const item = dtypeBytes[info.dtype];
    const base = (await dataOffset(info.storage.entry)) + info.offset * item;
    const read = (offset: number, count: number) => readExactly(source, base + offset, count, tensor);
    return isRowMajor(info)
      ? read(start, length)
      : readStrided({ ...info, item }, { start, length }, read, { file, tensor });
  });
  return { ...opened, foreign: [...foreign] };
}

async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return;
  const bytes = await readExactly(source, await zipDataOffset(source, entry), Math.min(entry.size, 16));
  const order = new TextDecoder().decode(bytes);
  if (order !== 'little')
    throw new WeightsError({ file: source.name, expected: 'byte order little', found: order });
}

interface Archive {
  readonly source: ByteSource;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** TorchScript. */
  readonly script: boolean;
  /** Receives the names of Python objects that are not read. */
  readonly foreign: Set<string>;
}

/** Reads one pickle of the archive; its storages are the entries under `folder`. */
async function readPickle(
  { source, entries, script, foreign }: Archive,
  entry: ZipEntry,
  folder: string,
): Promise<PickleValue> {
  const file = `${source.name} (${entry.name})`;
  const fail = (expected: string, found: string): never => {
    throw new WeightsError({ file, expected, found });
  };
  if (entry.size > maxPickleBytes) fail(`a pickle of at most ${maxPickleBytes} bytes`, `${entry.size}`);
  const bytes = await readExactly(source, await zipDataOffset(source, entry), entry.size);
  return unpickle(bytes, {
    file,
    resolve: (name) => globals(name, fail) ?? (script ? scriptGlobals(name) : undefined),
    onUnknown: (name) => foreign.add(name),
    persistentLoad(id) {
      const [kind, type, key] = Array.isArray(id) ? (id as PickleValue[]) : [];
      if (kind !== 'storage' || !isGlobal(type) || typeof key !== 'string')
        return fail('a storage of a known type', describe(id));
      const dtype = storageTypes.get(type.name.replace(/^torch\./, ''));
      // Of complex or quantized numbers, say: refused where a tensor of the model is made of it.
      if (dtype === undefined) return placeholder(type.name, []);
      const stored = entries.get(folder + key) ?? fail(`an entry ${folder}${key}`, 'none');
      checkStored(stored, source.name);
      const storage: Storage = { kind: 'storage', dtype, entry: stored };
      return storage;
    },
  });
}

type Fail = (expected: string, found: string) => never;

/** The globals of `torch.save`'s pickles that make tensors and plain containers. */
function globals(name: string, fail: Fail): PickleGlobal | undefined {
  if (name.startsWith('torch.') && storageTypes.has(name.slice('torch.'.length)))
    return { kind: 'global', name };
  switch (name) {
    case 'collections.OrderedDict':
      return { kind: 'global', name, call: ([pairs]) => orderedDict(pairs, fail) };
    case 'torch.Size':
      return { kind: 'global', name, call: ([sizes = []]) => sizes };
    case 'torch._utils._rebuild_tensor':
    case 'torch._utils._rebuild_tensor_v2':
      return { kind: 'global', name, call: (args) => rebuildTensor(args, fail) };
    case 'torch._tensor._rebuild_from_type_v2':
      return { kind: 'global', name, call: rebuildFromType };
    case 'torch._utils._rebuild_parameter':
    case 'torch._utils._rebuild_parameter_with_state':
      return { kind: 'global', name, call: ([tensor]) => tensor ?? fail('a tensor', 'nothing') };
    default:
      return undefined;
  }
}

/** TorchScript's own: objects of compiled classes become their attributes, typed lists plain ones. */
function scriptGlobals(name: string): PickleGlobal | undefined {
  if (name.startsWith('__torch__.'))
    return {
      kind: 'global',
      name,
      call: (): TorchModule => ({ kind: 'module', attributes: new Map() }),
      setState(object, state) {
        if (state instanceof Map)
          for (const [key, value] of state as Map<PickleValue, PickleValue>)
            (object as TorchModule).attributes.set(key, value);
      },
    };
  if (/^torch\.jit\._pickle\.(build_(int|double|bool|tensor)list|restore_type_tag)$/.test(name))
    return { kind: 'global', name, call: ([value = null]) => value };
  return undefined;
}

/** _rebuild_from_type_v2(function, type, arguments, state): a tensor with attributes of its own. */
function rebuildFromType([maker, , args]: readonly PickleValue[]): PickleValue {
  if (!isGlobal(maker) || !maker.call || !Array.isArray(args)) return placeholder('torch._tensor', []);
  return maker.call(args as readonly PickleValue[]);
}

function orderedDict(pairs: PickleValue | undefined, fail: Fail): PickleValue {
  const map = new Map<PickleValue, PickleValue>();
  if (pairs === undefined) return map;
  if (!Array.isArray(pairs)) return fail('pairs of keys and values', describe(pairs));
  for (const pair of pairs as PickleValue[]) {
    if (!Array.isArray(pair) || pair.length !== 2) return fail('a pair of key and value', describe(pair));
    map.set(pair[0] as PickleValue, pair[1] as PickleValue);
  }
  return map;
}

/** _rebuild_tensor_v2(storage, offset, shape, strides, ...): checked against the storage's entry. */
function rebuildTensor(
  [storage, offset, shape, strides]: readonly PickleValue[],
  fail: Fail,
): TorchTensor | Placeholder {
  if (isPlaceholder(storage)) return storage;
  const isSize = (value: PickleValue | undefined): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  const isSizes = (value: PickleValue | undefined): value is number[] =>
    Array.isArray(value) && value.length <= maxRank && value.every(isSize);
  if ((storage as PickleObject | null | undefined)?.kind !== 'storage')
    return fail('a tensor on a storage', describe(storage ?? null));
  if (!isSize(offset) || !isSizes(shape) || !isSizes(strides) || shape.length !== strides.length)
    return fail('a tensor with offset, shape and strides', 'other arguments');
  const { dtype, entry } = storage as Storage;
  const item = dtypeBytes[dtype];
  const bytes = shape.reduce((a, b) => a * b, item);
  const end = (offset + extent({ shape, strides })) * item;
  if (!(end <= entry.size && bytes <= entry.size))
    return fail(`${dtype} [${shape}] within the ${entry.size} bytes of ${entry.name}`, `${end} bytes`);
  return { kind: 'tensor', dtype, shape, strides, bytes, offset, storage: storage as Storage };
}
