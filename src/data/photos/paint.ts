/** The generator's defects, painted onto a look at a photograph so that its material shows through. */
import type { Random } from '../../base/random.ts';
import type { Canvas, Rendering } from '../synth/canvas.ts';
import { type DefectName, defects } from '../synth/defects/index.ts';
import { blob } from '../synth/defects/shapes.ts';
import { cover, graded, type Site } from '../synth/defects/site.ts';
import { createView } from '../synth/view.ts';

/** Defects that need neither parts nor an outline, and are not held out. */
export const paintable = [
  'scratch',
  'crack',
  'hole',
  'stain',
  'contamination',
  'discoloration',
  'deformation',
] as const satisfies readonly DefectName[];

/** A photograph as the generator's defects want it; `centred`: only its middle is sure to show the object. */
export function asRendering(canvas: Canvas, centred: boolean): Rendering {
  const { size } = canvas;
  const rendering: Rendering = { canvas, view: createView(size), color: null };
  if (!centred) return rendering;
  const object = new Float32Array(size * size);
  for (let i = 0; i < object.length; i++) {
    const [x, y] = [((i % size) + 0.5) / size - 0.5, (Math.floor(i / size) + 0.5) / size - 0.5];
    object[i] = Math.hypot(x, y) < 0.36 ? 1 : 0;
  }
  return { ...rendering, object };
}

/** Draws a defect of the generator, then gives its area back the material's own fine grain. */
export function paintDefect(defect: DefectName, site: Site): void {
  const clean = site.rendering.canvas.data.slice();
  defects[defect].draw(site);
  keepGrain(clean, site.rendering.canvas);
}

/** Share of the material's grain that lies on top of what was painted. */
const grain = 0.6;

function keepGrain(clean: Float32Array, { size, data }: Canvas): void {
  for (let i = 0; i < data.length; i++) {
    if (data[i] === clean[i]) continue;
    const pixel = Math.floor(i / 3);
    const [x, y] = [pixel % size, Math.floor(pixel / size)];
    let [sum, count] = [0, 0];
    for (let row = Math.max(0, y - 1); row <= Math.min(size - 1, y + 1); row++)
      for (let column = Math.max(0, x - 1); column <= Math.min(size - 1, x + 1); column++) {
        sum += clean[3 * (row * size + column) + (i % 3)]!;
        count += 1;
      }
    data[i]! += grain * (clean[i]! - sum / count);
  }
}

/** A piece of another photograph lies on this one, with a soft shadow. */
export function paintCutOut(site: Site, other: Canvas): void {
  const { view } = site.rendering;
  const radius = graded(site, 0.06, 0.16);
  const { coverage } = blob(site.random, view, site, { radius, uneven: 0.8 });
  const shadow = shifted(coverage, view.size, Math.max(1, Math.round(view.size * 0.02)), site.random);
  cover(site, shadow, 0.5, (_, at) => [at[0] * 0.4, at[1] * 0.4, at[2] * 0.4]);
  cover(site, coverage, 1, (i) => [other.data[3 * i]!, other.data[3 * i + 1]!, other.data[3 * i + 2]!]);
}

function shifted(coverage: Float32Array, size: number, far: number, random: Random): Float32Array {
  const [dx, dy] = [random.pick([-far, far]), random.pick([-far, far])];
  return coverage.map((_, i) => {
    const [x, y] = [(i % size) - dx, Math.floor(i / size) - dy];
    return x >= 0 && y >= 0 && x < size && y < size ? coverage[y * size + x]! : 0;
  });
}
