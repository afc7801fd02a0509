// One HTML file that says how well a detector does on a data set: no script, nothing loaded from elsewhere.
import type { Evaluation, MetricName, MetricRow } from '../eval/index.ts';
import { METRICS, metricTitles, withDefects } from '../eval/index.ts';
import { type Html, html, Html as Markup, nothing } from './html.ts';
import { proPlot, rocPlot, scorePlot } from './plots.ts';
import { style } from './style.ts';

/** An image with its heat map and ground truth, as addresses (data:) of pictures. */
export interface Picture {
  readonly file: string;
  readonly className: string;
  readonly defect: string;
  readonly anomalous: boolean;
  readonly score: number;
  readonly pixelAp: number | null;
  readonly image: string;
  readonly heatmap: string;
  /** Absent where no mask is known. */
  readonly truth?: string | undefined;
}

export interface PictureGroup {
  readonly title: string;
  readonly text: string;
  readonly pictures: readonly Picture[];
}

export interface Report {
  readonly title: string;
  readonly evaluation: Evaluation;
  /** Image scores of each class. */
  readonly scores: ReadonlyMap<string, readonly { readonly score: number; readonly anomalous: boolean }[]>;
  readonly groups: readonly PictureGroup[];
  /** Of the heat maps: the picture of the colours, and the values at its ends. */
  readonly legend: { readonly picture: string; readonly range: readonly [number, number] };
  /** Images that could not be used. */
  readonly problems: readonly string[];
  /** Sections of names and values: data, CLIP, options, versions. */
  readonly configuration: readonly (readonly [title: string, entries: Readonly<Record<string, unknown>>])[];
  /** Share of bootstrap replicates inside the intervals, if there are any. */
  readonly confidence?: number | undefined;
}

export async function reportPage(report: Report): Promise<string> {
  const { title, evaluation, groups, configuration, problems } = report;
  const plots: Html[] = [];
  for (const row of evaluation.classes) plots.push(await classPlots(row, report));
  const shown = groups.filter(({ pictures }) => pictures.length > 0);
  const body = html`<h1>${title}</h1>
<p class="quiet">${evaluation.mean.images} images, ${evaluation.mean.anomalies} of them anomalous.</p>
<main>
<section><h2>Metrics</h2>${metricTable(report)}</section>
<section><h2>Curves and scores</h2>${plots}</section>
<section><h2>Images</h2>${shown.length > 0 ? legend(report) : nothing}${shown.map(pictureGroup)}</section>
${problems.length > 0 ? html`<section><h2>Images that could not be used</h2><ul>${problems.map((file) => html`<li>${file}</li>`)}</ul></section>` : nothing}
<section><h2>Configuration</h2>${configuration.map(([name, entries]) => html`<h3>${name}</h3>${definitions(entries)}`)}</section>
</main>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
${body}
</body>
</html>
`.text;
}

const percent = (value: number): string => (100 * value).toFixed(1);

function metricTable({ evaluation: { classes, mean }, confidence }: Report): Html {
  const rows =
    classes.length > 1 || !hasDefects(classes) ? [...withDefects(classes), mean] : withDefects(classes);
  const columns = METRICS.filter((metric) => rows.some((row) => row.metrics[metric] !== null));
  const approximate = rows.some(({ bounds }) => bounds !== null);
  return html`<p>In percent; – where a metric is undefined (one label only, no masks). PRO is the published code's definition, PRO (MVTec) that of MVTec AD.${
    confidence === undefined ? '' : ` Below each: ${percent(confidence)} % bootstrap interval.`
  }${approximate ? ' Pixel metrics are from histograms; metrics.json has their bounds.' : ''}</p>
<div class="scroll" tabindex="0" role="region" aria-label="metrics"><table>
<thead><tr><th scope="col">class</th><th scope="col">images</th><th scope="col">anomalous</th>${columns.map((metric) => html`<th scope="col">${metricTitles[metric]}</th>`)}</tr></thead>
<tbody>${rows.map((row) => metricRow(row, columns, row === mean))}</tbody>
</table></div>`;
}

const hasDefects = (rows: readonly MetricRow[]): boolean => withDefects(rows).length > rows.length;

function metricRow(row: MetricRow, columns: readonly MetricName[], isMean: boolean): Html {
  const kind = isMean ? 'mean' : row.name.startsWith('  ') ? 'defect' : 'class';
  const cell = (metric: MetricName) => {
    const value = row.metrics[metric];
    const range = row.intervals?.[metric];
    return html`<td>${value === null ? '–' : percent(value)}${range ? html`<small>${percent(range.low)}–${percent(range.high)}</small>` : nothing}</td>`;
  };
  return html`<tr class="${kind}"><th scope="row">${row.name.trim()}</th><td>${row.images}</td><td>${row.anomalies}</td>${columns.map(cell)}</tr>`;
}

async function classPlots(row: MetricRow, { scores }: Report): Promise<Html> {
  const { name, curves, metrics } = row;
  const area = (metric: MetricName) => `${metricTitles[metric]} ${percent(metrics[metric] ?? 0)}`;
  const plots = [await scorePlot(scores.get(name) ?? [], 'Image scores', `${row.images} images`)];
  if (curves?.image) plots.push(await rocPlot(curves.image, 'ROC, images', area('imageAuroc')));
  if (curves?.pixel) {
    plots.push(await rocPlot(curves.pixel, 'ROC, pixels', area('pixelAuroc')));
    plots.push(await proPlot(curves.pixel, 'PRO to a false-positive rate of 0.3', area('proMvtec')));
  }
  return html`<h3>${name}</h3><div class="row">${plots}</div>`;
}

const legend = ({ legend: { picture, range } }: Report): Html =>
  html`<p>Each: the image, the heat map over it, the ground truth.</p><p class="legend"><span>${range[0].toFixed(3)}</span><img src="${picture}" alt="colours of the heat maps, low to high"><span>${range[1].toFixed(3)}</span></p>`;

const pictureGroup = ({ title, text, pictures }: PictureGroup): Html =>
  html`<h3>${title}</h3><p class="quiet">${text}</p><div class="row">${pictures.map(example)}</div>`;

function example({
  file,
  className,
  defect,
  anomalous,
  score,
  pixelAp,
  image,
  heatmap,
  truth,
}: Picture): Html {
  const label = anomalous ? defect || 'anomalous' : 'normal';
  return html`<figure class="example"><div class="pictures"><img src="${image}" alt="${`image ${file}`}"><img src="${heatmap}" alt="heat map">${
    truth === undefined
      ? nothing
      : html`<img src="${truth}" alt="${anomalous ? 'ground truth' : 'ground truth: normal'}">`
  }</div><figcaption>${file}<br><span class="quiet">${className}, ${label}; score ${score.toFixed(4)}${pixelAp === null ? '' : `, pixel AP ${percent(pixelAp)}`}</span></figcaption></figure>`;
}

const definitions = (entries: Readonly<Record<string, unknown>>): Html =>
  html`<dl>${Object.entries(entries).map(
    ([name, value]) =>
      html`<dt>${name}</dt><dd>${typeof value === 'string' ? value : (JSON.stringify(value) ?? '–')}</dd>`,
  )}</dl>`;
