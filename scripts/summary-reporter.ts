import type { Reporter, TestModule } from 'vitest/node';

/** Names of what failed, with the errors: tests, and what a file or a group wanted before its tests. */
function failuresOf(module: TestModule): string[] {
  const failures: string[] = [];
  const add = (name: string, errors: readonly { readonly stack?: string; readonly message: string }[]) => {
    const lines = errors.map(({ stack, message }) => (stack ?? message).replaceAll('\n', '\n    '));
    failures.push([`${module.relativeModuleId}${name}`, ...lines].join('\n    '));
  };
  if (module.errors().length > 0) add('', module.errors());
  for (const suite of module.children.allSuites())
    if (suite.errors().length > 0) add(` > ${suite.fullName}`, suite.errors());
  for (const test of module.children.allTests('failed'))
    add(` > ${test.fullName}`, test.result().errors ?? []);
  return failures;
}

/**
 * Closes every test run with the one line that CI reads: `N passed, N failed`, and `, N skipped` where there were any.
 * Where files ran once more (scripts/test.mjs) their last run counts, and what failed in the first is named.
 */
export default class SummaryReporter implements Reporter {
  readonly #modules = new Map<string, TestModule>();
  /** By module: what failed in its first run. */
  readonly #first = new Map<string, string[]>();

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    for (const module of modules) {
      this.#modules.set(module.moduleId, module);
      if (!this.#first.has(module.moduleId)) this.#first.set(module.moduleId, failuresOf(module));
    }
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const again: string[] = [];
    for (const [id, module] of this.#modules) {
      const failures = failuresOf(module);
      count.failed += failures.length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'failed') count[state === 'passed' ? 'passed' : 'skipped'] += 1;
      }
      if (failures.length === 0) again.push(...this.#first.get(id)!);
    }
    // After the default reporter's own summary.
    setImmediate(() => {
      for (const failure of again) console.log(`passed only when tried again: ${failure}`);
      const { passed, failed, skipped } = count;
      console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
    });
  }
}
