// The roofline plot (Williams, Waterman, Patterson, 2009): speed over work per byte, below the adapter's two ceilings.
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Ceilings, KernelResult } from './kernel-time.ts';

/** @returns SVG */
export async function roofline(
  kernels: readonly KernelResult[],
  ceilings: Ceilings,
  title: string,
): Promise<string> {
  const points = kernels.map((k) => ({
    intensity: k.flopsPerByte,
    gflops: k.gflops,
    operator: k.op,
    direction: k.direction,
  }));
  const ridge = ceilings.gflops / ceilings.gigabytes;
  const least = Math.min(...points.map((p) => p.intensity), ridge / 10);
  const most = Math.max(...points.map((p) => p.intensity), ridge * 10);
  const roof = [least, ridge, most].map((intensity) => ({
    intensity,
    gflops: Math.min(ceilings.gflops, intensity * ceilings.gigabytes),
  }));
  const x = {
    field: 'intensity',
    type: 'quantitative' as const,
    scale: { type: 'log' as const, nice: false },
    title: 'FLOP per byte',
  };
  const y = {
    field: 'gflops',
    type: 'quantitative' as const,
    scale: { type: 'log' as const },
    title: 'GFLOP/s',
  };
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: title,
      subtitle: `roof: ${ceilings.gflops.toFixed(1)} GFLOP/s (matrix product), ${ceilings.gigabytes.toFixed(1)} GB/s (copy)`,
    },
    width: 640,
    height: 400,
    background: 'white',
    layer: [
      { data: { values: roof }, mark: { type: 'line', color: '#555' }, encoding: { x, y } },
      {
        data: { values: points },
        mark: { type: 'point', filled: true, size: 45, opacity: 0.75 },
        encoding: {
          x,
          y,
          color: { field: 'operator', type: 'nominal', scale: { scheme: 'tableau20' }, title: 'operator' },
          shape: { field: 'direction', type: 'nominal', title: 'direction' },
        },
      },
    ],
  };
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}
