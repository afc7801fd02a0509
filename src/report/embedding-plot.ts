// Vectors in two dimensions, by UMAP (McInnes et al., 2018), as a picture.
import { UMAP } from 'umap-js';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import { createRandom } from '../base/random.ts';

/** Fewer have no neighbourhoods to keep. */
export const fewestPoints = 4;

/**
 * Places in the plane: near for vectors of a small angle. A function of vectors and seed.
 * @param vectors unit vectors, at least `fewestPoints`
 */
export function placesOf(vectors: readonly Float32Array[], seed = 0): [x: number, y: number][] {
  if (vectors.length < fewestPoints)
    throw new RangeError(`UMAP: expected at least ${fewestPoints} vectors, found ${vectors.length}`);
  const random = createRandom(seed);
  const umap = new UMAP({
    nComponents: 2,
    nNeighbors: Math.min(15, vectors.length - 1),
    minDist: 0.1,
    nEpochs: 500,
    random: random.next,
    distanceFn: (a, b) => Math.max(0, 1 - a.reduce((sum, x, i) => sum + x * b[i]!, 0)),
  });
  return umap.fit(vectors.map((vector) => [...vector])).map(([x, y]) => [x!, y!]);
}

export interface PlotPoint {
  readonly x: number;
  readonly y: number;
  /** What is written beside it. */
  readonly label: string;
  /** A colour for each. */
  readonly group: string;
  /** A shape for each. */
  readonly kind: string;
}

/** A stand-alone SVG. */
export async function embeddingPlot(points: readonly PlotPoint[], title: string): Promise<string> {
  const axis = (field: 'x' | 'y') => ({
    field,
    type: 'quantitative' as const,
    title: null,
    scale: { zero: false, padding: 20 },
    axis: { labels: false, ticks: false, grid: false, domain: false },
  });
  const groups = [...new Set(points.map(({ group }) => group))];
  const spec = {
    title,
    background: 'white',
    width: 420,
    height: 420,
    data: { values: [...points] },
    encoding: { x: axis('x'), y: axis('y') },
    layer: [
      {
        mark: { type: 'point' as const, filled: true, size: 70, opacity: 0.85 },
        encoding: {
          color: { field: 'group', type: 'nominal' as const, title: null, sort: groups },
          shape: { field: 'kind', type: 'nominal' as const, title: null },
        },
      },
      {
        mark: { type: 'text' as const, dx: 9, align: 'left' as const, fontSize: 10 },
        encoding: { text: { field: 'label' } },
      },
    ],
    config: { font: 'system-ui, sans-serif', view: { stroke: '#ccc' }, legend: { labelLimit: 400 } },
  };
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}
