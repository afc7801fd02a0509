// Curves and histograms as SVG, drawn by Vega in this process: no browser, no script in the page.
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { CurvePoint } from '../eval/index.ts';
import { Html, html } from './html.ts';

/** Blue and orange: told apart on white and on black, also by those who do not see red and green apart. */
export const colours = { normal: '#3a8fc7', anomalous: '#e0752b', curve: '#3a8fc7' } as const;

const size = { width: 192, height: 170 };

/** Text and lines in the page's own colour, so that light and dark both work. */
const config: TopLevelSpec['config'] = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: {
    labelColor: 'currentColor',
    titleColor: 'currentColor',
    domainColor: 'currentColor',
    tickColor: 'currentColor',
    gridColor: 'currentColor',
    gridOpacity: 0.15,
    titleFontWeight: 'normal',
    labelFontSize: 11,
    titleFontSize: 11,
  },
  legend: { labelColor: 'currentColor', titleColor: 'currentColor', labelFontSize: 11, orient: 'top' },
  aria: false,
};

async function draw(spec: TopLevelSpec, title: string, text: string): Promise<Html> {
  const view = new View(parse(compile({ ...spec, config }).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return html`<figure class="plot"><div role="img" aria-label="${`${title}: ${text}`}">${new Html(svg)}</div><figcaption>${title}<br><small>${text}</small></figcaption></figure>`;
}

const axis = (title: string, domain: readonly [number, number]) => ({
  type: 'quantitative' as const,
  title,
  scale: { domain: [...domain], nice: false },
  axis: { tickCount: 5 },
});

interface Line {
  readonly x: readonly [title: string, domain: readonly [number, number]];
  readonly y: string;
  /** The line of a detector that guesses. */
  readonly chance: boolean;
}

const drawLine = (
  points: readonly { x: number; y: number }[],
  { x, y, chance }: Line,
  title: string,
  text: string,
) => {
  const encoding = { x: { field: 'x', ...axis(...x) }, y: { field: 'y', ...axis(y, [0, 1]) } };
  const diagonal = chance
    ? [
        { x: 0, y: 0 },
        { x: x[1][1], y: x[1][1] },
      ]
    : [];
  return draw(
    {
      ...size,
      encoding,
      layer: [
        {
          data: { values: diagonal },
          mark: { type: 'line', color: 'currentColor', strokeDash: [3, 3], opacity: 0.5, strokeWidth: 1 },
        },
        {
          data: { values: [...points] },
          mark: { type: 'line', color: colours.curve, strokeWidth: 2, clip: true },
          // Points of one x are in the order of the thresholds.
          encoding: { order: { field: 'i', type: 'quantitative' } },
        },
      ],
    },
    title,
    text,
  );
};

/** A curve over the rate of false positives, up to `most` of them. */
const ratePlot =
  (of: 'tpr' | 'overlap', y: string, most: number) =>
  (curve: readonly CurvePoint[], title: string, text: string): Promise<Html> =>
    drawLine(
      curve.map((point, i) => ({ x: point.fpr, y: point[of], i })),
      { x: ['false-positive rate', [0, most]], y, chance: true },
      title,
      text,
    );

export const rocPlot = ratePlot('tpr', 'true-positive rate', 1);

export const proPlot = ratePlot('overlap', 'per-region overlap', 0.3);

/** Counts of image scores, normal and anomalous images side by side in the same bins. */
export const scorePlot = (
  scores: readonly { readonly score: number; readonly anomalous: boolean }[],
  title: string,
  text: string,
): Promise<Html> =>
  draw(
    {
      ...size,
      data: {
        values: scores.map(({ score, anomalous }) => ({ score, label: anomalous ? 'anomalous' : 'normal' })),
      },
      mark: { type: 'bar', opacity: 0.65, binSpacing: 0 },
      encoding: {
        x: { field: 'score', bin: { maxbins: 24 }, title: 'image score', axis: { tickCount: 5 } },
        y: { aggregate: 'count', stack: null, title: 'images' },
        color: {
          field: 'label',
          title: null,
          scale: { domain: ['normal', 'anomalous'], range: [colours.normal, colours.anomalous] },
        },
      },
    },
    title,
    text,
  );
