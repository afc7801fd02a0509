// A photograph at its own size with heat and outlines, and what was found in words below it.
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import { drawHeat, heatOf, type Look } from './heat.ts';
import { outline } from './regions.ts';

export interface Caption {
  readonly verdict: string;
  readonly text: string;
  readonly tone: 'good' | 'unsure' | 'bad' | 'neutral';
}

const colours: Record<Caption['tone'], string> = {
  good: '#1b6b3c',
  unsure: '#8a5a00',
  bad: '#b3261e',
  neutral: '#44474d',
};

function drawPhotograph(
  context: OffscreenCanvasRenderingContext2D,
  photograph: ImageBitmap,
  map: AnomalyMap,
  look: Look,
): void {
  const { width, height } = photograph;
  const settings = heatOf(look, map);
  context.drawImage(photograph, 0, 0);
  photograph.close();
  const heat = new OffscreenCanvas(1, 1);
  drawHeat(heat, map, settings);
  context.imageSmoothingQuality = 'high';
  context.drawImage(heat, 0, 0, width, height);
  // Scaled as a path, so that the line itself stays equally thick.
  const line = new Path2D();
  line.addPath(
    new Path2D(outline(map, settings.threshold)),
    new DOMMatrix().scale(width / map.width, height / map.height),
  );
  const thickness = Math.max(1.5, Math.min(width, height) / 300);
  const strokes = [
    ['rgb(0 0 0 / 60%)', 2.2 * thickness],
    ['white', thickness],
  ] as const;
  for (const [colour, stroke] of strokes) {
    context.strokeStyle = colour;
    context.lineWidth = stroke;
    context.stroke(line);
  }
}

/** PNG at the photograph's own size. */
export async function picture(file: Blob, map: AnomalyMap, look: Look): Promise<Blob> {
  const photograph = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(photograph.width, photograph.height);
  drawPhotograph(canvas.getContext('2d')!, photograph, map, look);
  return canvas.convertToBlob({ type: 'image/png' });
}

/** JPEG with a band below the photograph, which stays whole. */
export async function captioned(
  file: Blob,
  map: AnomalyMap,
  look: Look,
  { verdict, text, tone }: Caption,
): Promise<Blob> {
  const photograph = await createImageBitmap(file);
  const { width, height } = photograph;
  const size = Math.max(14, Math.round(width / 32));
  const band = Math.round(2.2 * size);
  const canvas = new OffscreenCanvas(width, height + band);
  const context = canvas.getContext('2d')!;
  drawPhotograph(context, photograph, map, look);
  context.fillStyle = colours[tone];
  context.fillRect(0, height, width, band);
  context.fillStyle = 'white';
  context.textBaseline = 'middle';
  const words = `${verdict}  ${text}`;
  context.font = `600 ${size}px system-ui, sans-serif`;
  // The verdict and the score come first: a long name is squeezed, not cut.
  context.fillText(words, size / 2, height + band / 2, width - size);
  return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 });
}
