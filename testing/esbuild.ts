import { transformSync } from 'esbuild';

let works: boolean | undefined;

/** Whether esbuild runs here; the offline bundle for GPU machines comes without its program. Says why tests are skipped. */
export function hasEsbuild(): boolean {
  if (works !== undefined) return works;
  try {
    transformSync('');
    works = true;
  } catch {
    console.warn('skipped: what has to be built first (esbuild is not installed: npm ci)');
    works = false;
  }
  return works;
}
