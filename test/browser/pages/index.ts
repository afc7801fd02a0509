// Entry of the page that the tests drive: the library, and what else they call.
import * as library from '../../../src/detector/index.ts';
import { decode } from './decode.ts';
import { loseDevice, loseDeviceAtWork } from './devices.ts';
import { golden } from './golden.ts';

const called = { decode, golden, loseDevice, loseDeviceAtWork };
export type Pages = typeof called;
export type Library = typeof library;
/** Inside the page; functions that are handed to `page.evaluate` call it. */
declare global {
  var pages: Pages;
  var faprompt: Library;
}

Object.assign(globalThis, { pages: called, faprompt: library });
