// From what a pickle holds to named tensors.
import { WeightsError } from '../errors.ts';
import type { TorchModule, TorchTensor } from './objects.ts';
import { dictionaryOf, isPlaceholder, type PickleObject, type PickleValue } from './values.ts';

/** Where training scripts put the state dict beside other things, the most specific first. */
const stateKeys = ['prompt_learner', 'state_dict', 'model_state_dict', 'model', 'module'];

const maxDepth = 64;
/** Values that are looked at, whether tensors or not: containers may be repeated without end. */
const maxValues = 500_000;
/** Names in real files have some 60 characters. */
const maxName = 500;

/** The model's own state dict: a checkpoint wraps it, with the optimizer's state and counters beside it. */
export function selectState(root: PickleValue): PickleValue {
  let state = root;
  for (let depth = 0; depth < 8; depth++) {
    const dictionary = dictionaryOf(state);
    if (!dictionary || [...dictionary.values()].some(isTensor)) break;
    const inner = stateKeys.map((name) => dictionary.get(name)).find((value) => value && holdsTensors(value));
    if (inner === undefined) break;
    state = inner;
  }
  return state;
}

/** Whether it may be a state dict or a module: `model` may also be the name of an architecture, or its options. */
const holdsTensors = (value: PickleValue): boolean =>
  dictionaryOf(value) !== undefined || (isPlaceholder(value) && value.state instanceof Map);

/**
 * Every tensor under the path that leads to it, joined by dots as in `state_dict()`.
 * @throws WeightsError if it is nested too deeply, or the same containers are repeated without end
 */
export function collectTensors(root: PickleValue, file: string): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  let values = 0;
  const endless = (): never => {
    throw new WeightsError({ file, expected: 'a plain dictionary of tensors', found: 'endless nesting' });
  };
  const visit = (value: PickleValue, path: string, depth: number): void => {
    if (depth > maxDepth) endless();
    if (isTensor(value)) {
      const before = tensors.get(path);
      if (before && before !== value)
        throw new WeightsError({ file, tensor: path, expected: 'one tensor of this name', found: 'two' });
      tensors.set(path, value);
      return;
    }
    eachChild(value, (key, child) => {
      values += 1;
      if (values > maxValues) endless();
      if (typeof child !== 'object' || child === null) return;
      if (path.length + `${key}`.length >= maxName)
        throw new WeightsError({
          file,
          expected: `names of at most ${maxName} characters`,
          found: 'longer ones',
        });
      visit(child, path === '' ? `${key}` : `${path}.${key}`, depth + 1);
    });
  };
  visit(root, '', 0);
  return tensors;
}

const isObject = (value: PickleValue, kind: string): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && (value as PickleObject).kind === kind;

const isTensor = (value: PickleValue): value is TorchTensor => isObject(value, 'tensor');

type OnChild = (key: string | number, child: PickleValue) => void;

function eachChild(value: PickleValue, onChild: OnChild): void {
  if (Array.isArray(value)) {
    eachElement(value as PickleValue[], onChild);
    return;
  }
  const module = isObject(value, 'module') ? (value as TorchModule).attributes : undefined;
  eachEntry(module ?? dictionaryOf(value), onChild);
  if (!isPlaceholder(value)) return;
  eachElement(value.list, onChild);
  // An nn.Module that was stored whole: its tensors are under the names of their modules.
  eachEntry(value.state, (key, child) => {
    if (moduleParts.has(key)) eachEntry(dictionaryOf(child), onChild);
    else onChild(key, child);
  });
}

const moduleParts: ReadonlySet<string | number> = new Set(['_parameters', '_buffers', '_modules']);

function eachElement(list: readonly PickleValue[], onChild: OnChild): void {
  for (let i = 0; i < list.length; i++) onChild(i, list[i]!);
}

function eachEntry(value: PickleValue | undefined, onChild: OnChild): void {
  if (!(value instanceof Map)) return;
  for (const [key, child] of value as ReadonlyMap<PickleValue, PickleValue>)
    if (typeof key === 'string' || typeof key === 'number') onChild(key, child);
}
