import { defineConfig } from 'vitest/config';
import { viteWgsl } from './scripts/wgsl-plugin.mjs';

export default defineConfig({
  plugins: [viteWgsl],
  test: {
    include: ['test/**/*.test.ts'],
    // Few processes, each with one device for its files: pipelines are compiled once. Two, because a browser's tests and
    // compiling leave a core idle (482 s instead of 688 on two cores); the software adapter itself uses every core.
    pool: 'forks',
    isolate: false,
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
