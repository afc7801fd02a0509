import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** What failed and then passed, with what it failed with. */
const secondTry = (test: TestCase): string =>
  `passed only when tried again: ${test.module.relativeModuleId} > ${test.fullName}\n${(
    test.result().errors ?? []
  )
    .map(({ stack, message }) => `    ${(stack ?? message).replaceAll('\n', '\n    ')}\n`)
    .join('')}`;

/** Closes every test run with the one line that CI reads: `N passed, N failed`, and `, N skipped` where there were any. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    const flaky: TestCase[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        count[test.result().state] += 1;
        if (test.diagnostic()?.flaky) flaky.push(test);
      }
      if (module.state() === 'failed' && module.errors().length > 0) count.failed += 1;
    }
    const skipped = count.skipped + count.pending;
    // After the default reporter's own summary.
    setImmediate(() => {
      for (const test of flaky) console.log(secondTry(test));
      console.log(`${count.passed} passed, ${count.failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
    });
  }
}
