import { buildLibrary } from './library.mjs';

await buildLibrary();
