// All that the package ships (npm pack runs it): the library, the command line, types, the page.
import path from 'node:path';
import { buildLibrary } from './library.mjs';
import { buildPage } from './web/build.mjs';

await buildLibrary();
await buildPage(path.resolve(import.meta.dirname, '../dist/page'), { ships: true });
