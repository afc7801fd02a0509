import { defineConfig } from 'vitest/config';
import { viteWgsl } from './scripts/wgsl-plugin.mjs';

export default defineConfig({
  plugins: [viteWgsl],
  test: {
    include: ['test/**/*.test.ts'],
    // One process and one device for all files: pipelines are compiled once, and the software adapter already
    // uses every core.
    pool: 'forks',
    isolate: false,
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
