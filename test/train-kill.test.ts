// kill -9 at random moments: 3 in npm test, 20 with FAPROMPT_TESTS=full, any number with FAPROMPT_KILLS=200.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasEsbuild } from '../testing/esbuild.ts';
import { bundledCli } from './bundled-cli.ts';
import { killTrainings } from './kills.ts';
import { makeFixtures, tinyOptions } from './train-fixtures.ts';

const kills = Number(process.env.FAPROMPT_KILLS ?? (process.env.FAPROMPT_TESTS === 'full' ? 20 : 3));

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
beforeAll(async () => {
  fixtures = await makeFixtures();
});
afterAll(() => fixtures.remove());

test.skipIf(!hasEsbuild())(
  `${kills} kills inside steps and checkpoint writes: the prompts have the same bytes`,
  async () => {
    const { data, clip, dir } = fixtures;
    const at = (name: string) => path.join(dir, name);
    const command = [
      ...[await bundledCli(), 'train', '--data', data, '--clip', clip],
      ...['--cache', at('cache'), '--epochs', '8', '--save-every', '1', ...tinyOptions],
    ];
    execFileSync(process.execPath, [...command, '--out', at('whole')], { stdio: 'ignore' });
    const whole = await readFile(at('whole/prompts.safetensors'));
    const seed = Number(process.env.FAPROMPT_SEED ?? 1);
    const report = await killTrainings({ command, dir: at('killed'), kills, seed, whole });
    console.log(`kills by phase: ${JSON.stringify(report.phases)}, trainings ended: ${report.finished}`);
    expect(report).toMatchObject({ different: 0, leftOver: 0 });
    expect(report.finished).toBeGreaterThan(0);
    const { step, logged, writing, starting } = report.phases;
    expect(step + logged + writing + starting).toBe(kills);
    if (kills >= 20) expect(writing).toBeGreaterThan(0);
  },
  kills * 30_000 + 120_000,
);
