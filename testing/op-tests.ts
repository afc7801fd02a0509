// Every operator's test, and one by name.
import * as modules from '../src/kernels/index.ts';
import type { OpTest } from '../src/kernels/op-test.ts';

export const opTests: readonly OpTest[] = Object.values(modules).flat();

/** Of an operator that has several forms the one with a gradient: graph/fusion.ts makes the others, after gradients are. */
export function opTestOf(name: string): OpTest {
  const forms = opTests.filter(({ op }) => op.name === name);
  const found = forms.find(({ reference }) => reference.backward) ?? forms[0];
  if (!found) throw new Error(`no operator is called "${name}"`);
  return found;
}
