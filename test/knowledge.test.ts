// KgCoOp's loss: its value and gradient, and prompts that stay near the written pair.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import { compile } from '../src/graph/executor.ts';
import { gradient } from '../src/graph/gradient.ts';
import { f32 } from '../src/kernels/tensor.ts';
import { createModelGraph } from '../src/model/context.ts';
import { knowledgeLoss } from '../src/model/faprompt/knowledge.ts';
import { testGpu } from './gpu.ts';
import { type MatrixFixture, matrixFixture } from './matrix/fixture.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

const gpu = await testGpu();

describe('the loss', () => {
  // The pair for all images; two images with three abnormality prompts each; an odd width.
  test.each([
    { images: 1, prototypes: 2, width: 32 },
    { images: 2, prototypes: 4, width: 7 },
  ])('$images x $prototypes prototypes of $width', async ({ images, prototypes, width }) => {
    const random = createRandom(5);
    const values = (count: number) => Float32Array.from({ length: count }, () => random.normal());
    const [learned, written] = [values(images * prototypes * width), values(2 * width)];
    const context = createModelGraph((name) => {
      throw new Error(name);
    });
    const { graph } = context;
    const input = graph.input('learned', f32(images, prototypes, width));
    const loss = knowledgeLoss(context, input, written);
    const [slope] = gradient(graph, loss, [input]);
    const executable = await compile(gpu, graph, { loss, slope: slope! });
    const found = await executable.run({ learned }, ['loss', 'slope']);
    executable.dispose();

    const rows = images * prototypes;
    const far = Float64Array.from(learned, (value, i) => {
      const row = Math.floor(i / width) % prototypes;
      return value - written[(row === 0 ? 0 : width) + (i % width)]!;
    });
    expect(found.loss![0]).toBeCloseTo(far.reduce((sum, x) => sum + x * x, 0) / rows, 4);
    for (const [i, x] of far.entries()) expect(found.slope![i], `${i}`).toBeCloseTo((2 * x) / rows, 5);
  });
});

describe('a training with it', () => {
  let fixture: MatrixFixture;
  beforeAll(async () => {
    fixture = await matrixFixture();
  });
  afterAll(() => fixture?.remove());

  const steps = async (name: string, ...options: string[]): Promise<Record<string, number>[]> => {
    const out = fixture.at(name);
    const given = [
      '--clip',
      fixture.clip,
      '--data',
      fixture.data,
      '--out',
      out,
      '--epochs',
      '4',
      '--batch',
      '4',
    ];
    const { code, note } = await cli(['train', ...given, ...options]);
    expect(code, note).toBe(0);
    const lines = (await readFile(`${out}/log.jsonl`, 'utf8')).trim().split('\n');
    return lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'step');
  };

  test.each([['--preset topm'], ['--preset learnable-pair'], ['--preset topm --aggregate best']])(
    '%s: it is in the total, and the prompts come near the pair',
    async (preset) => {
      const own = preset.split(' ');
      const name = own.slice(1).join('-');
      const logged = await steps(name, ...own, '--knowledge-weight', '30');
      expect(logged).toHaveLength(8);
      const orthogonal = preset.includes('topm') ? 0.1 : 0;
      for (const { total, local, ce, score_focal, oc = 0, prior = 0, kg } of logged)
        expect(total! - local! - ce! - score_focal! - orthogonal * oc - prior).toBeCloseTo(30 * kg!, 3);
      // Of two images' prototypes, with and without a prior: at most 4 each.
      expect(logged[0]!.kg).toBeGreaterThan(0.05);
      expect(logged[0]!.kg).toBeLessThan(8);
      expect(logged.at(-1)!.kg).toBeLessThan(0.7 * logged[0]!.kg!);
      const [free] = await steps(`${name}-free`, ...own);
      expect(free).not.toHaveProperty('kg');
    },
  );

  test('a CLIP that lacks words of the pair is refused, and says which', async () => {
    const { clip, data, dir, remove } = await makeFixtures();
    const out = `${dir}/run`;
    const given = ['--clip', clip, '--data', data, '--out', out, ...tinyOptions];
    const { code, note } = await cli(['train', ...given, '--knowledge-weight', '1']);
    expect(code).toBe(1);
    expect(note).toMatch(/text "a photo of a flawless object.": expected a word of the vocabulary/);
    await remove();
  });
});
