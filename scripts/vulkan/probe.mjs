// Finds out whether this machine has a WebGPU adapter.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const script = path.join(import.meta.dirname, 'adapter.mjs');

/**
 * @typedef {{ vendor: string, architecture: string, device: string, description: string }} Adapter
 * @typedef {{ adapter: Adapter } | { adapter: null, reason: string, code?: string }} Probe
 *   `code` is Node's error code when the npm package `webgpu` could not be loaded at all.
 */

/**
 * Asks Dawn for an adapter in a child process with the environment `env`. Never throws: a child that crashes, hangs
 * for a minute or cannot load Dawn is an answer too.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Probe}
 */
export function probe(env = process.env) {
  const child = spawnSync(process.execPath, [script], { env, encoding: 'utf8', timeout: 60_000 });
  const line = child.stdout?.trim().split('\n').at(-1);
  if (!line) {
    const end =
      child.error?.message ?? (child.signal ? `ended by ${child.signal}` : `exit code ${child.status}`);
    return { adapter: null, reason: `the process that asked for an adapter failed: ${end}` };
  }
  const { adapter, error, code } = JSON.parse(line);
  if (adapter) return { adapter };
  // Dawn says on stderr why it refused a driver.
  const reason = error ?? child.stderr.trim().split('\n')[0] ?? '';
  return { adapter: null, reason: reason.replace(/^Warning: /, '') || 'no driver offers one', code };
}

/** @param {Adapter} adapter */
export const describe = ({ description, device, vendor, architecture }) =>
  `${description || device} (${[vendor, architecture].filter(Boolean).join(', ')})`;
