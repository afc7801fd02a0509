import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder of reference tensors and real images beside the checkout; tests that need it are skipped without it. */
export const sharedDir = path.resolve(process.env.FAPROMPT_SHARED ?? '../shared');

/** Whether `relative` exists in the shared folder; says once per path why a test is skipped when it does not. */
export function hasShared(relative: string): boolean {
  const found = existsSync(path.join(sharedDir, relative));
  if (!found)
    console.warn(`skipped: ${path.join(sharedDir, relative)} not found (set FAPROMPT_SHARED to enable)`);
  return found;
}

export const sharedPath = (relative: string): string => path.join(sharedDir, relative);
