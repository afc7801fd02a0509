import { describe, expect, it } from 'vitest';
import { type EvalSample, evaluate, formatTable, METRICS, meanRow } from '../src/eval/index.ts';

const sample = (
  anomalous: boolean,
  score: number,
  map: number[] | null,
  mask: number[] | null,
): EvalSample => ({
  anomalous,
  score,
  width: 2,
  height: 2,
  map: map && Float32Array.from(map),
  mask: mask && Uint8Array.from(mask),
});

const tiles = [
  sample(false, 0.1, [0.1, 0.2, 0.1, 0.15], null),
  sample(true, 0.9, [0.8, 0.05, 0.1, 0.2], [1, 0, 0, 0]),
  sample(true, 0.05, [0.3, 0.6, 0.1, 0.2], [0, 1, 0, 0]),
];
const scans = [sample(false, 0.2, null, null), sample(true, 0.4, null, null)];
const normalOnly = [sample(false, 0.5, [0.5, 0.5, 0.5, 0.5], null)];

const classes = [
  { name: 'tile', samples: tiles },
  { name: 'scan', samples: scans },
  { name: 'empty', samples: normalOnly },
];

describe('evaluate', () => {
  it('gives a row per class, null where a metric is undefined', async () => {
    const { classes: rows } = await evaluate(classes);
    expect(rows.map(({ name, images, anomalies }) => [name, images, anomalies])).toEqual([
      ['tile', 3, 2],
      ['scan', 2, 1],
      ['empty', 1, 0],
    ]);
    expect(rows[0]!.metrics).toMatchObject({ imageAuroc: 0.5, pixelAuroc: 1, pixelAp: 1, iou: 1 });
    expect(rows[1]!.metrics).toMatchObject({ imageAuroc: 1, imageMaxF1: 1, pixelAuroc: null, pro: null });
    expect(Object.values(rows[2]!.metrics)).toEqual(METRICS.map(() => null));
  });

  it('leaves anomalous images without a mask out of the pixel metrics', async () => {
    const unknown = sample(true, 0.9, [0, 0, 0, 0], null);
    const [withUnknown, without] = await Promise.all([
      evaluate([{ name: 'tile', samples: [...tiles, unknown] }]),
      evaluate([{ name: 'tile', samples: tiles }]),
    ]);
    expect(withUnknown.classes[0]!.metrics.pixelAuroc).toBe(without.classes[0]!.metrics.pixelAuroc);
    expect(withUnknown.classes[0]!.images).toBe(4);
  });

  it('takes asynchronous sources and says when values come from a histogram', async () => {
    async function* stream() {
      yield* tiles;
    }
    const { classes: rows } = await evaluate([{ name: 'tile', samples: stream() }], { mode: 'histogram' });
    expect(rows[0]!.metrics.pixelAuroc).toBe(1);
    expect(rows[0]!.bounds?.pixelAuroc).toBe(0);
  });

  it('averages over the classes that have the metric', async () => {
    const { classes: rows, mean } = await evaluate(classes);
    expect(mean).toMatchObject({ name: 'mean', images: 6, anomalies: 3 });
    expect(mean.metrics.imageAuroc).toBe(0.75);
    expect(mean.metrics.pixelAuroc).toBe(1);
    expect(meanRow(rows.slice(2)).metrics.imageAuroc).toBeNull();
    expect(Object.values(meanRow([]).metrics)).toEqual(METRICS.map(() => null));
  });

  it('survives JSON with null for undefined', async () => {
    const result = await evaluate(classes);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    expect(JSON.stringify(result)).toContain('"pro":null');
  });
});

describe('formatTable', () => {
  it('aligns columns and prints undefined as -', async () => {
    const { classes: rows, mean } = await evaluate(classes);
    expect(formatTable([...rows, mean], ['imageAuroc', 'pixelAuroc'])).toBe(
      [
        'class  images  anomalies  img AUROC  px AUROC',
        'tile        3          2     0.5000    1.0000',
        'scan        2          1     1.0000         -',
        'empty       1          0          -         -',
        'mean        6          3     0.7500    1.0000',
      ].join('\n'),
    );
  });

  it('prints every metric by default', () => {
    const header = formatTable([]);
    for (const title of ['img AUROC', 'img AP', 'img F1', 'px AUROC', 'px AP', 'px F1', 'PRO', 'IoU']) {
      expect(header).toContain(title);
    }
  });
});
