// Writes PyTorch archives byte by byte, so that tests need no PyTorch.
import { crc32 } from 'node:zlib';
import type { TensorData } from '../src/formats/safetensors.ts';

const storageType: Readonly<Record<string, string>> = {
  F32: 'FloatStorage',
  F16: 'HalfStorage',
  BF16: 'BFloat16Storage',
  F64: 'DoubleStorage',
  I64: 'LongStorage',
  I32: 'IntStorage',
};

/** A tensor with strides of its own over the data. */
export interface StoredTensor extends TensorData {
  readonly strides?: readonly number[];
  readonly offset?: number;
}

/** What a pickle is made of here. */
export type Node =
  | StoredTensor
  | number
  | string
  | boolean
  | null
  | readonly Node[]
  | ReadonlyMap<string, Node>
  | { readonly global: string; readonly attributes: ReadonlyMap<string, Node> };

const utf8 = (text: string) => [...new TextEncoder().encode(text)];
const int32 = (value: number) => [...new Uint8Array(Int32Array.of(value).buffer)];

export interface Pickled {
  readonly bytes: Uint8Array;
  readonly storages: Uint8Array[];
}

/** Pickles as `torch.save` does (protocol 2). */
export function pickle(root: Node): Pickled {
  const out: number[] = [0x80, 2];
  const storages: Uint8Array[] = [];
  const text = (value: string) => out.push(0x58, ...int32(utf8(value).length), ...utf8(value));
  const global = (name: string) => {
    const dot = name.lastIndexOf('.');
    out.push(0x63, ...utf8(`${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`));
  };
  const tuple = (values: readonly number[]) => {
    out.push(0x28);
    for (const value of values) out.push(0x4a, ...int32(value));
    out.push(0x74);
  };
  const tensor = ({ dtype, shape, data, strides, offset = 0 }: StoredTensor) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = storages.push(bytes) - 1;
    const rowMajor = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    global('torch._utils._rebuild_tensor_v2');
    out.push(0x28, 0x28);
    text('storage');
    global(`torch.${storageType[dtype]}`);
    text(String(key));
    text('cpu');
    out.push(0x4a, ...int32(shape.reduce((a, b) => a * b, 1)), 0x74, 0x51);
    out.push(0x4a, ...int32(offset));
    tuple(shape);
    tuple(strides ?? rowMajor);
    out.push(0x89);
    global('collections.OrderedDict');
    out.push(0x29, 0x52, 0x74, 0x52);
  };
  const write = (node: Node): void => {
    if (node === null) out.push(0x4e);
    else if (typeof node === 'boolean') out.push(node ? 0x88 : 0x89);
    else if (typeof node === 'number') out.push(0x4a, ...int32(node));
    else if (typeof node === 'string') text(node);
    else if (Array.isArray(node)) {
      out.push(0x5d, 0x28);
      for (const item of node as Node[]) write(item);
      out.push(0x65);
    } else if (node instanceof Map) {
      out.push(0x7d, 0x28);
      for (const [key, value] of node as Map<string, Node>) {
        text(key);
        write(value);
      }
      out.push(0x75);
    } else if ('global' in node) {
      global(node.global);
      out.push(0x29, 0x81);
      write(node.attributes);
      out.push(0x62);
    } else tensor(node as StoredTensor);
  };
  write(root);
  out.push(0x2e);
  return { bytes: Uint8Array.from(out), storages };
}

/** A zip archive without compression; the data of every entry begin at a multiple of 64, as PyTorch aligns them. */
export function zip(
  entries: Iterable<readonly [string, Uint8Array]>,
  { method = 0 } = {},
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let position = 0;
  for (const [name, data] of entries) {
    const title = Uint8Array.from(utf8(name));
    const padding = (64 - ((position + 30 + title.length + 4) % 64)) % 64;
    const extra = new Uint8Array(4 + padding);
    new DataView(extra.buffer).setUint16(0, 0x4246, true);
    new DataView(extra.buffer).setUint16(2, padding, true);
    const local = new DataView(new ArrayBuffer(30));
    local.setUint32(0, 0x04034b50, true);
    local.setUint16(8, method, true);
    local.setUint32(14, crc32(data), true);
    local.setUint32(18, data.length, true);
    local.setUint32(22, data.length, true);
    local.setUint16(26, title.length, true);
    local.setUint16(28, extra.length, true);
    const central = new DataView(new ArrayBuffer(46));
    central.setUint32(0, 0x02014b50, true);
    central.setUint16(10, method, true);
    central.setUint32(16, crc32(data), true);
    central.setUint32(20, data.length, true);
    central.setUint32(24, data.length, true);
    central.setUint16(28, title.length, true);
    central.setUint32(42, position, true);
    directory.push(new Uint8Array(central.buffer), title);
    for (const part of [new Uint8Array(local.buffer), title, extra, data]) {
      parts.push(part);
      position += part.length;
    }
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, directory.length / 2, true);
  end.setUint16(10, directory.length / 2, true);
  end.setUint32(12, size, true);
  end.setUint32(16, position, true);
  return Uint8Array.from(Buffer.concat([...parts, ...directory, new Uint8Array(end.buffer)]));
}

/** An archive as `torch.save` writes it; with `constants`, as `torch.jit.save` does. */
export function torchFile(root: Node, constants?: Node): Uint8Array<ArrayBuffer> {
  const entries = new Map<string, Uint8Array>();
  const add = (name: string, node: Node) => {
    const { bytes, storages } = pickle(node);
    entries.set(`archive/${name}.pkl`, bytes);
    for (const [key, data] of storages.entries()) entries.set(`archive/${name}/${key}`, data);
  };
  add('data', root);
  if (constants !== undefined) add('constants', constants);
  else entries.set('archive/byteorder', Uint8Array.from(utf8('little')));
  entries.set('archive/version', Uint8Array.from(utf8('3\n')));
  return zip(entries);
}
