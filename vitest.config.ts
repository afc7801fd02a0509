import { defineConfig } from 'vitest/config';
import { moduleCacheKeys } from './scripts/vitest-cache.ts';
import { viteWgsl } from './scripts/wgsl-plugin.mjs';

export default defineConfig({
  plugins: [viteWgsl, moduleCacheKeys],
  test: {
    include: ['test/**/*.test.ts'],
    // Few processes, each with one device for its files: pipelines are compiled once. More than two cores want, because
    // a browser's tests and compiling wait a lot; the software adapter itself uses every core.
    pool: 'forks',
    isolate: false,
    maxWorkers: 4,
    // A second run need not transform what is as it was: 3 s of the processor for one file, 7 for all.
    experimental: { fsModuleCache: true, fsModuleCachePath: 'node_modules/.cache/vitest' },
    // Against what hangs: a machine that does much else takes five times as long for some of it.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
