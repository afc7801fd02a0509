// Entry of the page that the tests drive: the library, and what else they call.
import * as library from '../../../src/detector/index.ts';
import { loseDevice } from './devices.ts';
import { golden } from './golden.ts';

const pages = { golden, loseDevice };
export type Pages = typeof pages;
export type Library = typeof library;
Object.assign(globalThis, { pages, faprompt: library });
