// From what a pickle holds to named tensors.
import { WeightsError } from '../errors.ts';
import type { PickleObject, PickleValue } from './pickle.ts';
import type { TorchModule, TorchTensor } from './torch.ts';

/** Where training scripts put the state dict beside other things, the most specific first. */
const stateKeys = ['prompt_learner', 'state_dict', 'model_state_dict', 'model'];

const maxDepth = 64;
const maxNodes = 1_000_000;

/** The model's own state dict: a checkpoint wraps it, with the optimizer's state and counters beside it. */
export function selectState(root: PickleValue): PickleValue {
  let state = root;
  for (let depth = 0; depth < 8 && state instanceof Map; depth++) {
    const dictionary: ReadonlyMap<PickleValue, PickleValue> = state;
    if ([...dictionary.values()].some(isTensor)) break;
    const key = stateKeys.find((name) => dictionary.get(name) instanceof Map);
    if (key === undefined) break;
    state = dictionary.get(key)!;
  }
  return state;
}

/**
 * Every tensor under the path that leads to it, joined by dots as in `state_dict()`.
 * @throws WeightsError if it is nested too deeply, or the same containers are repeated without end
 */
export function collectTensors(root: PickleValue, file: string): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  let nodes = 0;
  const visit = (value: PickleValue, path: string, depth: number): void => {
    nodes += 1;
    if (depth > maxDepth || nodes > maxNodes)
      throw new WeightsError({ file, expected: 'a plain dictionary of tensors', found: 'endless nesting' });
    if (isTensor(value)) {
      const before = tensors.get(path);
      if (before && before !== value)
        throw new WeightsError({ file, tensor: path, expected: 'one tensor of this name', found: 'two' });
      tensors.set(path, value);
      return;
    }
    for (const [key, child] of children(value))
      if (typeof child === 'object' && child !== null)
        visit(child, path === '' ? `${key}` : `${path}.${key}`, depth + 1);
  };
  visit(root, '', 0);
  return tensors;
}

const isObject = (value: PickleValue, kind: string): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && (value as PickleObject).kind === kind;

const isTensor = (value: PickleValue): value is TorchTensor => isObject(value, 'tensor');

function* children(value: PickleValue): Generator<[string | number, PickleValue]> {
  if (Array.isArray(value)) yield* (value as PickleValue[]).entries();
  const map = isObject(value, 'module') ? (value as TorchModule).attributes : value;
  if (map instanceof Map)
    for (const [key, child] of map as Map<PickleValue, PickleValue>)
      if (typeof key === 'string' || typeof key === 'number') yield [key, child];
}
