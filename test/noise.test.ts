// What native code prints of its own accord, and what must come through all the same.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withoutNoise } from '../scripts/vulkan/noise.mjs';
import { hasEsbuild } from '../testing/esbuild.ts';
import { bundledBin } from './bundled-cli.ts';
import { makeFixtures, tinyOptions } from './train-fixtures.ts';

const noise = (kind: string) =>
  `Warning: maxDynamic${kind}BuffersPerPipelineLayout artificially reduced from 1000000 to 16 to fit dynamic offset allocation limit.\n`;

describe('withoutNoise', () => {
  const filtered = async (...chunks: (string | Buffer)[]) => {
    const source = new PassThrough();
    let text = '';
    const done = withoutNoise(source, (part) => {
      text += part;
    });
    for (const chunk of chunks) source.write(chunk);
    source.end();
    await done;
    return text;
  };

  it("drops Dawn's two lines, however they are cut", async () => {
    const all = `one\n${noise('Uniform')}${noise('Storage')}two\n`;
    expect(await filtered(all)).toBe('one\ntwo\n');
    expect(await filtered(...all)).toBe('one\ntwo\n');
    expect(await filtered(noise('Uniform').trimEnd())).toBe('');
  });

  it('hands on everything else: other warnings, the same words within a line, what has no end, letters cut in two', async () => {
    const others = `Warning: something else\nWarning: maxDynamic\nlog: ${noise('Uniform')}`;
    expect(await filtered(...others)).toBe(others);
    expect(await filtered('Warning: maxDyn')).toBe('Warning: maxDyn');
    const letters = Buffer.from('Prüfung\n');
    expect(await filtered(letters.subarray(0, 3), letters.subarray(3))).toBe('Prüfung\n');
  });

  it('does not hold back a line without its end', async () => {
    const source = new PassThrough();
    const seen: string[] = [];
    void withoutNoise(source, (part) => seen.push(part));
    source.write('50 %');
    await new Promise(setImmediate);
    expect(seen).toEqual(['50 %']);
    source.end();
  });
});

describe.skipIf(!hasEsbuild())('the command', () => {
  let bin: string;
  let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
  beforeAll(async () => {
    bin = await bundledBin();
    fixtures = await makeFixtures();
  });
  afterAll(() => fixtures?.remove());

  it('says on standard error what it has to say, and nothing else', async () => {
    const { data, clip, dir } = fixtures;
    const args = ['train', '--data', data, '--clip', clip, '--no-cache', '--out', path.join(dir, 'run')];
    const child = spawn(process.execPath, [bin, ...args, ...tinyOptions, '--epochs', '1'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, note] = ['', ''];
    child.stdout.on('data', (bytes) => {
      out += bytes;
    });
    child.stderr.on('data', (bytes) => {
      note += bytes;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code, note).toBe(0);
    expect(note).toMatch(/^epoch 1\/1: mean loss [\d.]+\n$/);
    expect(out).toContain('prompts.safetensors');
  });
});
