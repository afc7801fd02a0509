// What a pickle's opcodes work on: a stack with marks, a memo, and objects that are made and filled.
import type { Fail } from './pickle-operands.ts';
import {
  describe,
  isGlobal,
  isPlaceholder,
  type PickleGlobal,
  type PickleValue,
  placeholder,
} from './values.ts';

/**
 * Most objects (containers, strings, entries of dictionaries, of the memo) that a pickle may make: those of the largest
 * CLIP's training checkpoint are 20 000.
 */
const maxObjects = 250_000;

/** How the caller gives globals their meaning. */
export interface Globals {
  /** The global of a dotted name; undefined: what it makes are placeholders. */
  resolve(name: string): PickleGlobal | undefined;
  /** Told of every global that `resolve` does not know. */
  onUnknown?(name: string): void;
}

const mark = Symbol('mark');
type Slot = PickleValue | typeof mark;

export type PickleMachine = ReturnType<typeof createPickleMachine>;

/** @throws what `fail` and the caller's globals throw */
export function createPickleMachine({ resolve, onUnknown }: Globals, fail: Fail) {
  const stack: Slot[] = [];
  const memo = new Map<number, PickleValue>();
  const makers = new Map<PickleValue, PickleGlobal>();
  let objects = 0;
  const spend = (count = 1) => {
    objects += count;
    if (objects > maxObjects) fail(`a pickle of at most ${maxObjects} objects`, 'more');
  };
  const push = (value: PickleValue) => {
    if (typeof value === 'object' || typeof value === 'string') spend();
    stack.push(value);
  };
  const remember = (index: number) => {
    spend();
    memo.set(index, top());
  };
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
  const recall = (index: number): PickleValue =>
    memo.get(index) ?? (memo.has(index) ? null : fail('an entry of the memo', `number ${index}`));
  return {
    push,
    pop,
    top,
    pushMark: () => stack.push(mark),
    popMark,
    popTuple,
    /** Takes off what is there, a mark too. */
    drop() {
      if (stack.pop() === undefined) fail('a value on the stack', 'none');
    },
    remember,
    memoize: () => remember(memo.size),
    recall,
    global,
    call,
    build,
    append,
    setItems,
  };
}
