// Python's pickle format: plain containers, numbers and strings; globals only as the caller resolves them, all other
// objects as placeholders. Nothing is imported and nothing is called but the caller's own functions.
import { WeightsError } from '../errors.ts';
import {
  describe,
  isGlobal,
  isPlaceholder,
  type PickleGlobal,
  type PickleValue,
  placeholder,
} from './values.ts';

/**
 * Most objects (containers, strings, entries of dictionaries, of the memo) that a pickle may make, and bytes: those of
 * the largest CLIP's training checkpoint are 20 000, in 1 MB.
 */
const maxObjects = 250_000;
export const maxPickleBytes = 4 * 2 ** 20;

export interface PickleOptions {
  /** Name of the file, for messages. */
  readonly file: string;
  /** The global of a dotted name; undefined: what it makes are placeholders. */
  resolve(name: string): PickleGlobal | undefined;
  /** Told of every global that `resolve` does not know. */
  onUnknown?(name: string): void;
  persistentLoad(id: PickleValue): PickleValue;
}

const mark = Symbol('mark');
type Slot = PickleValue | typeof mark;

/** Reads one pickle. @throws WeightsError for a damaged one, and what the caller's globals throw */
export function unpickle(
  bytes: Uint8Array,
  { file, resolve, onUnknown, persistentLoad }: PickleOptions,
): PickleValue {
  const fail = (expected: string, found: string): never => {
    throw new WeightsError({ file, expected, found });
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stack: Slot[] = [];
  const memo = new Map<number, PickleValue>();
  const makers = new Map<PickleValue, PickleGlobal>();
  let at = 0;
  if (bytes.length > maxPickleBytes) fail(`a pickle of at most ${maxPickleBytes} bytes`, `${bytes.length}`);

  let objects = 0;
  const spend = (count = 1) => {
    objects += count;
    if (objects > maxObjects) fail(`a pickle of at most ${maxObjects} objects`, 'more');
  };
  const push = (value: Slot) => {
    if (typeof value === 'object' || typeof value === 'string') spend();
    stack.push(value);
  };
  const remember = (index: number) => {
    spend();
    memo.set(index, top());
  };
  const take = (length: number): number => {
    if (!(length <= bytes.length - at)) fail('a whole pickle', `one that ends at byte ${bytes.length}`);
    at += length;
    return at - length;
  };
  const text = (length: number): string => {
    const start = take(length);
    return new TextDecoder().decode(bytes.subarray(start, start + length));
  };
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) fail('a whole pickle', 'a line without an end');
    const result = text(end - at);
    at = end + 1;
    return result;
  };
  const size8 = (): number => Number(view.getBigUint64(take(8), true));
  const pop = (): PickleValue => {
    const value = stack.pop();
    return value === undefined || value === mark ? fail('a value on the stack', 'none') : value;
  };
  const popMark = (): PickleValue[] => {
    const start = stack.lastIndexOf(mark);
    if (start < 0) fail('a mark on the stack', 'none');
    return stack.splice(start).slice(1) as PickleValue[];
  };
  const popTuple = (length: number): PickleValue[] => {
    const values = Array.from({ length }, pop);
    return values.reverse();
  };
  const top = (): PickleValue => {
    const value = stack.at(-1);
    return value === undefined || value === mark ? fail('a value on the stack', 'none') : value;
  };
  const global = (name: string): PickleGlobal => {
    const known = resolve(name);
    if (!known) onUnknown?.(name);
    return known ?? { kind: 'global', name };
  };
  const call = (callee: PickleValue, args: PickleValue): PickleValue => {
    const maker =
      isGlobal(callee) || isPlaceholder(callee) ? callee : fail('a global to call', describe(callee));
    if (!Array.isArray(args)) return fail('a tuple of arguments', describe(args));
    // One list may be looked through again and again.
    for (const arg of args as readonly PickleValue[])
      spend(Array.isArray(arg) ? arg.length : arg instanceof Map ? arg.size : 1);
    if (!isGlobal(maker) || !maker.call) return placeholder(maker.name, args as readonly PickleValue[]);
    const value = maker.call(args as readonly PickleValue[]);
    makers.set(value, maker);
    return value;
  };
  const build = (state: PickleValue) => {
    if (state instanceof Map) spend(state.size);
    const object = top();
    if (isPlaceholder(object)) object.state = state;
    else makers.get(object)?.setState?.(object, state);
  };
  const append = (values: readonly PickleValue[]) => {
    const own = top();
    const list = isPlaceholder(own) ? own.list : own;
    if (!Array.isArray(list)) fail('a list', describe(list));
    for (const value of values) (list as PickleValue[]).push(value);
  };
  const setItems = (items: readonly PickleValue[]) => {
    const own = top();
    const map = isPlaceholder(own) ? own.items : own;
    if (!(map instanceof Map)) return fail('a dictionary', describe(map));
    if (items.length % 2) fail('keys and values', `${items.length} items`);
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  };
  const integer = (length: number): number | bigint => {
    // Nothing of a model is that large; a hash or a random state beside it is.
    if (length > 8) {
      take(length);
      return Number.POSITIVE_INFINITY;
    }
    const start = take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[start + i]!);
    return narrow(BigInt.asIntN(8 * length, value));
  };
  const decimal = (digits: string): number | bigint =>
    /^-?\d{1,20}$/.test(digits) ? narrow(BigInt(digits)) : fail('a decimal integer', digits);
  const recall = (index: number): PickleValue =>
    memo.get(index) ?? (memo.has(index) ? null : fail('an entry of the memo', `number ${index}`));

  const run = (): PickleValue => {
    for (;;) {
      const opcode = bytes[take(1)]!;
      switch (opcode) {
        case 0x80: // PROTO
          if (bytes[take(1)]! > 5) fail('pickle protocol 5 at most', `${bytes[at - 1]}`);
          break;
        case 0x95: // FRAME
          take(8);
          break;
        case 0x2e: // STOP
          return pop();
        case 0x28: // MARK
          push(mark);
          break;
        case 0x30: // POP
          if (stack.pop() === undefined) fail('a value on the stack', 'none');
          break;
        case 0x31: // POP_MARK
          popMark();
          break;
        case 0x32: // DUP
          push(top());
          break;
        case 0x4e: // NONE
          push(null);
          break;
        case 0x88: // NEWTRUE
          push(true);
          break;
        case 0x89: // NEWFALSE
          push(false);
          break;
        case 0x4b: // BININT1
          push(bytes[take(1)]!);
          break;
        case 0x4d: // BININT2
          push(view.getUint16(take(2), true));
          break;
        case 0x4a: // BININT
          push(view.getInt32(take(4), true));
          break;
        case 0x8a: // LONG1
          push(integer(bytes[take(1)]!));
          break;
        case 0x8b: // LONG4
          push(integer(view.getUint32(take(4), true)));
          break;
        case 0x49: {
          // INT; 00 and 01 are booleans
          const digits = line();
          push(digits === '00' ? false : digits === '01' ? true : decimal(digits));
          break;
        }
        case 0x4c: // LONG
          push(decimal(line().replace(/L$/, '')));
          break;
        case 0x46: // FLOAT
          push(Number(line()));
          break;
        case 0x47: // BINFLOAT
          push(view.getFloat64(take(8), false));
          break;
        case 0x8c: // SHORT_BINUNICODE
        case 0x55: // SHORT_BINSTRING
          push(text(bytes[take(1)]!));
          break;
        case 0x58: // BINUNICODE
        case 0x54: // BINSTRING
          push(text(view.getUint32(take(4), true)));
          break;
        case 0x8d: // BINUNICODE8
          push(text(size8()));
          break;
        case 0x43: // SHORT_BINBYTES
          push(copy(bytes[take(1)]!));
          break;
        case 0x42: // BINBYTES
          push(copy(view.getUint32(take(4), true)));
          break;
        case 0x8e: // BINBYTES8
        case 0x96: // BYTEARRAY8
          push(copy(size8()));
          break;
        case 0x53: // STRING
        case 0x56: // UNICODE
          push(line());
          break;
        case 0x5d: // EMPTY_LIST
        case 0x29: // EMPTY_TUPLE
        case 0x8f: // EMPTY_SET
          push([]);
          break;
        case 0x6c: // LIST
        case 0x74: // TUPLE
        case 0x91: // FROZENSET
          push(popMark());
          break;
        case 0x85: // TUPLE1
        case 0x86: // TUPLE2
        case 0x87: // TUPLE3
          push(popTuple(opcode - 0x84));
          break;
        case 0x61: // APPEND
          append([pop()]);
          break;
        case 0x65: // APPENDS
        case 0x90: // ADDITEMS
          append(popMark());
          break;
        case 0x7d: // EMPTY_DICT
          push(new Map());
          break;
        case 0x64: {
          // DICT
          const items = popMark();
          push(new Map());
          setItems(items);
          break;
        }
        case 0x73: // SETITEM
          setItems(popTuple(2));
          break;
        case 0x75: // SETITEMS
          setItems(popMark());
          break;
        case 0x71: // BINPUT
          remember(bytes[take(1)]!);
          break;
        case 0x72: // LONG_BINPUT
          remember(view.getUint32(take(4), true));
          break;
        case 0x70: // PUT
          remember(Number(line()));
          break;
        case 0x94: // MEMOIZE
          remember(memo.size);
          break;
        case 0x68: // BINGET
          push(recall(bytes[take(1)]!));
          break;
        case 0x6a: // LONG_BINGET
          push(recall(view.getUint32(take(4), true)));
          break;
        case 0x67: // GET
          push(recall(Number(line())));
          break;
        case 0x63: {
          // GLOBAL
          const module = line();
          push(global(`${module}.${line()}`));
          break;
        }
        case 0x93: {
          // STACK_GLOBAL
          const [module, name] = popTuple(2);
          push(global(`${describe(module!)}.${describe(name!)}`));
          break;
        }
        case 0x52: // REDUCE
        case 0x81: {
          // NEWOBJ
          const [callee, args] = popTuple(2);
          push(call(callee!, args!));
          break;
        }
        case 0x92: {
          // NEWOBJ_EX
          const [callee, args] = popTuple(3);
          push(call(callee!, args!));
          break;
        }
        case 0x69: {
          // INST
          const module = line();
          const callee = global(`${module}.${line()}`);
          push(call(callee, popMark()));
          break;
        }
        case 0x6f: {
          // OBJ
          const [callee, ...args] = popMark();
          push(call(callee ?? fail('a class', 'nothing'), args));
          break;
        }
        case 0x62: // BUILD
          build(pop());
          break;
        case 0x51: // BINPERSID
          push(persistentLoad(pop()));
          break;
        default:
          fail(
            'tensors and plain containers only',
            `pickle opcode 0x${opcode.toString(16).padStart(2, '0')}`,
          );
      }
    }
  };
  const copy = (length: number): Uint8Array => {
    const start = take(length);
    return bytes.slice(start, start + length);
  };
  return run();
}

const narrow = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
