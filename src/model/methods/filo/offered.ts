// FiLO among the methods that are offered.
import type { Family, Method } from '../method.ts';
import { filo, filoFamily } from './filo.ts';
import { filoDefaults } from './options.ts';

export const filoMethods: readonly Method[] = [filo('filo', 'FiLO', filoDefaults)];
export const filoFamilies: readonly Family[] = [filoFamily];
