import { describe, expect, test } from 'vitest';
import { byOp } from '../bench/by-op.ts';
import { benchPretrain } from '../bench/pretrain.ts';
import { benchPretrainBrowser } from '../bench/pretrain-browser.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { testGpu } from './gpu.ts';

describe.skipIf(!hasChromium())('bench -- pretrain', () => {
  test('the same step in Node and in Chromium, and what it took each of them', async () => {
    const settings = { batch: 2, imageSize: 16, width: 32, layers: 1, embed: 8, runs: 1 };
    const { environment, result: page } = await benchPretrainBrowser(settings);
    expect(environment.browser).toMatch(/^Chromium \d/);
    expect(environment.adapter).toMatch(/swiftshader/i);
    const gpu = await testGpu();
    const node = await benchPretrain(gpu, settings, async () => ({ Node: performance.now() }));

    expect(page.loss).toBeGreaterThan(0);
    expect(page.loss).toBeCloseTo(node.loss, 4);
    expect(page.gflop).toBe(node.gflop);
    expect(page.step.processor.GPU).toBeGreaterThan(0);
    expect(Object.keys(page.draw.processor)).toEqual(['GPU', 'renderer']);
    expect(page.step.milliseconds).toBeGreaterThan(0);
    expect(page.times).toHaveLength(page.dispatches);
    const ops = page.times.map(({ op }) => op);
    expect(ops).toEqual(expect.arrayContaining(['matmul', 'attention_grad', 'adamw']));
    const products = page.times.filter(({ op }) => op === 'matmul');
    expect(products.reduce((sum, { milliseconds }) => sum + milliseconds, 0)).toBeGreaterThan(0);
    // By work, which is the same everywhere: which takes longest is the moment's luck.
    const work = page.times.map((time) => ({ ...time, milliseconds: time.flops }));
    expect(byOp(work)[0]!.op).toBe('matmul');
    // Not in the steps of 0.1 ms that pages have.
    expect(
      page.times.some(
        ({ milliseconds }) => Math.abs(milliseconds * 10 - Math.round(milliseconds * 10)) > 0.01,
      ),
    ).toBe(true);
  });
});
