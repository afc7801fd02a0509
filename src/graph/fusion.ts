// Fewer, larger nodes: the same value is computed once, and a node takes the work of a neighbour upon itself where the
// operators know how (Op.after, Op.before, Op.addend). On a GPU every dispatch costs microseconds, whatever it does.
import type { OpNode } from '../kernels/op.ts';
import { elements, type Shape, sameShape, type Tensor } from '../kernels/tensor.ts';
import type { Node } from './graph.ts';

/**
 * @param nodes in an order in which they can run, all of them needed; the result is one, too
 * @param kept storages that are read from outside: they are made as they stand
 * @param isFixed nodes that run once only, which others must not take into every run
 */
export function fuseNodes(
  nodes: readonly Node[],
  kept: ReadonlySet<number>,
  isFixed: (node: Node) => boolean = () => false,
): readonly Node[] {
  let list = withoutRepeats(nodes, kept);
  let index = indexOf(list);
  for (let at = 0; at < list.length; at += 1) {
    const fused = fuseAt(list, at, { ...index, kept, isFixed });
    if (!fused) continue;
    // What it makes nobody else makes any more.
    const own = new Set(fused.outputs.map(storageOf));
    const others: Node[] = [];
    for (const [i, node] of list.entries())
      if (i === at) others.push(fused);
      else if (!makesOneOf(node, own)) others.push(node);
    const all = indexOf(others);
    list = withoutDead(others, kept, all.uses);
    index = list.length === others.length ? all : indexOf(list);
    at = list.indexOf(fused) - 1; // perhaps there is more to take
  }
  return list;
}

/** Leaves out nodes that do what an earlier one did. What is updated in place may have changed between them. */
function withoutRepeats(nodes: readonly Node[], kept: ReadonlySet<number>): Node[] {
  const changing = new Set(nodes.flatMap(({ op, outputs }) => (op.inPlace ? outputs.map(storageOf) : [])));
  const same = new Map<number, number>();
  const known = new Map<string, Node>();
  return nodes.flatMap((original): Node[] => {
    const inputs = original.inputs.map((t) => t && { ...t, storage: same.get(t.storage) ?? t.storage });
    const node = { ...original, inputs };
    const { op, attrs, outputs } = node;
    if (op.inPlace || inputs.some((t) => t && changing.has(t.storage))) return [node];
    const operands = inputs.map((t) => (t ? `${t.storage} [${t.shape.join()}]` : '-'));
    const key = [op.name, JSON.stringify(attrs), ...operands].join('; ');
    const before = known.get(key);
    if (before === undefined || outputs.some(({ storage }) => kept.has(storage))) {
      known.set(key, node);
      return [node];
    }
    outputs.forEach(({ storage }, i) => {
      same.set(storage, before.outputs[i]!.storage);
    });
    return [];
  });
}

const storageOf = ({ storage }: Tensor): number => storage;

const makesOneOf = ({ op, outputs }: Node, storages: ReadonlySet<number>): boolean =>
  !op.inPlace && outputs.some(({ storage }) => storages.has(storage));

/** Where things are in a list of nodes. */
interface Index {
  /** How often nodes read a storage. */
  readonly uses: ReadonlyMap<number, number>;
  /** Where the first node is that makes a storage. */
  readonly makers: ReadonlyMap<number, number>;
  /** Where nodes are that write in place. */
  readonly inPlace: readonly number[];
}

function indexOf(nodes: readonly Node[]): Index {
  const uses = new Map<number, number>();
  const makers = new Map<number, number>();
  const inPlace: number[] = [];
  nodes.forEach(({ op, inputs, outputs }, at) => {
    for (const t of inputs) if (t) uses.set(t.storage, (uses.get(t.storage) ?? 0) + 1);
    for (const { storage } of outputs) if (!makers.has(storage)) makers.set(storage, at);
    if (op.inPlace) inPlace.push(at);
  });
  return { uses, makers, inPlace };
}

const withoutDead = (
  nodes: readonly Node[],
  kept: ReadonlySet<number>,
  uses: ReadonlyMap<number, number>,
): Node[] =>
  nodes.filter(
    ({ op, outputs }) => op.inPlace || outputs.some(({ storage }) => kept.has(storage) || uses.has(storage)),
  );

interface Surroundings extends Index {
  readonly kept: ReadonlySet<number>;
  isFixed(node: Node): boolean;
}

/** What node `at` becomes with one or more of those that made its inputs. */
function fuseAt(
  nodes: readonly Node[],
  at: number,
  { uses, makers, inPlace, kept, isFixed }: Surroundings,
): Node | undefined {
  const node = nodes[at]!;
  if (node.op.inPlace) return undefined;
  const made = (input: number, keepsOthers = false): Node | undefined => {
    const tensor = node.inputs[input];
    if (!tensor) return undefined;
    const from = makers.get(tensor.storage);
    if (from === undefined) return undefined;
    const maker = nodes[from]!;
    if (maker.op.inPlace || isFixed(maker) !== isFixed(node)) return undefined;
    const mine = maker.outputs.every(({ storage }) => {
      if (storage === tensor.storage) return !kept.has(storage) && uses.get(storage) === 1;
      if (!keepsOthers) return !kept.has(storage) && !uses.has(storage);
      return !nodes.slice(0, at + 1).some(({ inputs }) => inputs.some((t) => t?.storage === storage));
    });
    const read = new Set(maker.inputs.map((t) => t?.storage));
    const changed = inPlace.some(
      (other) =>
        other >= from && other < at && nodes[other]!.outputs.some(({ storage }) => read.has(storage)),
    );
    return mine && !changed ? maker : undefined;
  };
  const sum = node.op.adds?.(node)
    ? (ofTwo(node, made) ?? intoAddend(node, (i) => made(i, true)))
    : undefined;
  const found: OpNode | undefined = sum ?? node.op.after?.(node, made);
  if (found) return found;
  for (let i = 0; i < node.inputs.length; i += 1) {
    const maker = made(i);
    const joined = maker?.op.before?.(maker, node);
    if (joined) return joined;
  }
  return undefined;
}

/** A sum of what two nodes of one operator made, by that operator. */
function ofTwo(node: Node, made: (input: number) => Node | undefined): Node | undefined {
  const [a, b] = [made(0), made(1)];
  if (!a || a.op !== b?.op) return undefined;
  if (node.inputs.some((t, i) => t!.storage !== [a, b][i]!.outputs[0]!.storage)) return undefined;
  const found = a.op.joined?.(a, b);
  const [first, ...rest] = found?.outputs ?? [];
  return found && first && { ...found, outputs: [{ ...first, storage: node.outputs[0]!.storage }, ...rest] };
}

/** A sum, by the operator that made one of its parts and can add the other to it. */
function intoAddend(node: Node, made: (input: number) => Node | undefined): Node | undefined {
  for (const [own, other] of [
    [1, 0],
    [0, 1],
  ] as const) {
    const maker = made(own);
    const addend = maker?.op.addend;
    const [first, ...rest] = maker?.outputs ?? [];
    if (!maker || !first || addend === undefined || maker.inputs[addend]) continue;
    const [sum] = node.outputs as [Tensor];
    if (first.storage !== node.inputs[own]!.storage || elements(first.shape) !== elements(sum.shape))
      continue;
    const operand = node.inputs[other]!;
    const whole = elements(operand.shape) === elements(sum.shape);
    const repeated = maker.op.tails && sameShape(first.shape, sum.shape) && isTail(operand.shape, sum.shape);
    if (!whole && !repeated) continue;
    const inputs = Array.from(
      { length: Math.max(maker.inputs.length, addend + 1) },
      (_, i) => maker.inputs[i],
    );
    inputs[addend] = whole ? { ...operand, shape: first.shape } : operand;
    return { ...maker, inputs, outputs: [{ ...first, storage: sum.storage }, ...rest] };
  }
  return undefined;
}

/** Whether broadcasting repeats `small` along the first dimensions of `large` and along no others. */
function isTail(small: Shape, large: Shape): boolean {
  const first = small.findIndex((n) => n !== 1);
  const tail = first < 0 ? [1] : small.slice(first);
  return tail.length <= large.length && sameShape(tail, large.slice(large.length - tail.length));
}
