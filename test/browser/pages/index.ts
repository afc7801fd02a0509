// Entry of the page that the tests drive: what they call is a property of `pages`.
import { golden } from './golden.ts';

const pages = { golden };
export type Pages = typeof pages;
Object.assign(globalThis, { pages });
