// Not offered in browsers: without a detector's boxes FiLO is not itself, and its code weighs 6 kB gzipped.
import type { Family, Method } from '../method.ts';

export const filoMethods: readonly Method[] = [];
export const filoFamilies: readonly Family[] = [];
