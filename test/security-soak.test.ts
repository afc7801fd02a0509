// SECURITY.md: a station runs on whatever arrives. FAPROMPT_FULL=1: five minutes of `npm run bench -- soak`; else not at all.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { soak } from '../bench/soak.ts';

const full = process.env.FAPROMPT_FULL === '1';

test.skipIf(!full)(
  'five minutes of photographs, hostile ones among them, lost devices and a full disk (FAPROMPT_FULL=1)',
  async () => {
    const root = path.resolve(import.meta.dirname, '..');
    execFileSync(process.execPath, [path.join(root, 'scripts/build.mjs')]);
    const station = path.join(root, 'dist', 'soak-station.js');
    const found = await soak(station, { minutes: 5, photographs: 250, seed: 1 });
    expect(found.failures).toEqual([]);
    expect(found.results).toBe(found.good);
    expect(found.named).toBe(found.broken);
  },
  15 * 60_000,
);
