// Finds out whether this machine has a WebGPU adapter.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const script = path.join(import.meta.dirname, 'adapter.mjs');

/**
 * Asks Dawn for an adapter in a child process with the environment `env`. Never throws: a child that crashes, hangs
 * for a minute or cannot load Dawn is an answer too.
 * @param {NodeJS.ProcessEnv} env
 * @returns {import('./probe.mjs').Probe}
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
  // Dawn says on stderr why it refused a driver, among what drivers say themselves.
  const lines = child.stderr.trim().split('\n');
  const reason = error ?? lines.find((text) => text.startsWith('Warning: ')) ?? lines[0];
  return { adapter: null, reason: reason.replace(/^Warning: /, '') || 'no driver offers one', code };
}

/** @param {import('./probe.mjs').Adapter} adapter */
export const describe = ({ description, device, vendor, architecture }) =>
  `${description || device} (${[vendor, architecture].filter(Boolean).join(', ')})`;
