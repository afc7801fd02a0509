// node scripts/test.mjs [ARGS OF vitest run]: the tests. With CI=true a test file that failed runs once more, anew and in
// a process of its own, since nobody can look again there: what passed only then is named at the end. It is a defect all
// the same, the test's or worse.
import { createVitest, parseCLI, TestsNotFoundError } from 'vitest/node';

/** More files than these fail together for a reason. */
const mostFiles = 5;

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)]);
const vitest = await createVitest('test', options);
try {
  const { testModules, unhandledErrors } = await vitest.start(filter);
  const failed = testModules.filter((module) => !module.ok());
  if (process.env.CI && failed.length > 0 && failed.length <= mostFiles && unhandledErrors.length === 0) {
    process.exitCode = 0;
    await vitest.runTestSpecifications(failed.map((module) => module.toTestSpecification()));
  }
} catch (error) {
  if (!(error instanceof TestsNotFoundError)) throw error; // that has been said
  process.exitCode = 1;
}
await vitest.exit();
