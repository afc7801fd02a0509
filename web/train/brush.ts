// What the painter's tools share: which one is in hand, where it is, how large; and what each does there.
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import type { Painting, Point } from './painting.ts';
import type { Tool } from './tools.ts';

export interface Brush {
  readonly tool: Signal<Tool>;
  /** Of the image's shorter side. */
  readonly share: Signal<number>;
  /** Of the bucket, as `Flood` (studio/flood.ts) has it. */
  readonly reach: Signal<number>;
  /** Diameter in pixels of the image. */
  readonly size: ReadonlySignal<number>;
  /** In pixels of the image. */
  readonly at: Signal<Point>;
  /** Corners of the polygon that is not closed yet. */
  readonly polygon: Signal<readonly Point[]>;
}

export function createBrush(width: number, height: number): Brush {
  const share = signal(0.08);
  return {
    tool: signal<Tool>('brush'),
    share,
    reach: signal(0.12),
    size: computed(() => Math.max(1, share.value * Math.min(width, height))),
    at: signal<Point>({ x: width / 2, y: height / 2 }),
    polygon: signal<readonly Point[]>([]),
  };
}

export interface Doings {
  /** Uses the tool where it is. @returns whether a stroke has begun, which `painting.move` goes on with */
  begin(): boolean;
  /** Fills the polygon. */
  close(): void;
  undo(): void;
  /** Whether closing the dialog would lose something. */
  changed(): boolean;
}

/** Corners this near to the first one, in pixels of the screen, close the polygon. */
const near = 10;

export interface Canvas {
  readonly canvas: HTMLCanvasElement;
  /** Pixels of the screen that a pixel of the image takes. */
  onScreen(): number;
}

/** @param flood `Flood.fill`; the painted picture is its own then */
export function createDoings(
  { tool, reach, size, at, polygon }: Brush,
  painting: Painting,
  { canvas, onScreen }: Canvas,
  flood: (x: number, y: number, reach: number, painted: ImageBitmap) => Promise<ImageBitmap | undefined>,
): Doings {
  const { width, height } = canvas;
  const close = () => {
    const points = polygon.peek();
    polygon.value = [];
    if (points.length < 3) announce('A polygon needs three corners.');
    else {
      painting.polygon(points);
      announce('Polygon filled');
    }
  };
  const corner = () => {
    const points = polygon.peek();
    const [first] = points;
    const { x, y } = at.peek();
    if (first && points.length >= 3 && Math.hypot(first.x - x, first.y - y) < near / onScreen()) close();
    else {
      polygon.value = [...points, at.peek()];
      announce(`Corner ${points.length + 1}`);
    }
  };
  const fillFrom = async () => {
    const { x, y } = at.peek();
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const painted = await createImageBitmap(canvas);
    const found = await flood(x, y, reach.peek(), painted);
    if (found) painting.lay(found);
    announce(found ? 'Filled' : 'This place is painted already.');
  };
  return {
    begin() {
      const now = tool.peek();
      if (now === 'polygon') corner();
      else if (now === 'bucket') void fillFrom();
      else {
        painting.begin({ erase: now === 'eraser', size: size.peek() }, at.peek());
        return true;
      }
      return false;
    },
    close,
    undo() {
      if (polygon.peek().length > 0) {
        polygon.value = polygon.peek().slice(0, -1);
        announce('Corner taken back');
      } else announce(painting.undo() ? 'Taken back' : 'Nothing to undo');
    },
    changed: () => painting.changed() || polygon.peek().length > 0,
  };
}
