// Entry of the page that the tests drive: the library, and what else they call.
import * as library from '../../../src/detector/index.ts';
import { decode } from './decode.ts';
import { loseDevice } from './devices.ts';
import { golden } from './golden.ts';

const pages = { decode, golden, loseDevice };
export type Pages = typeof pages;
export type Library = typeof library;
Object.assign(globalThis, { pages, faprompt: library });
