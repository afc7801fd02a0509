import path from 'node:path';

/** The project's folder: this file is bundled into dist/, and tests run it from bench/. */
export const root = path.resolve(import.meta.dirname, '..');
